"""Tasks and events."""

from __future__ import annotations

_WHAT = "Account|Opportunity|Case|Contract|Asset"

TASK = f"""
Task  00T  Task/Tasks  owned=Group
WhoId             reference -> Contact|Lead as Who kids Tasks "Name ID"
WhatId            reference -> {_WHAT} as What kids Tasks "Related To ID"
Subject           combobox(255) plain = Call; Email; Send Letter; Send Quote; Other
ActivityDate      date "Due Date Only"
Status            picklist(40) auto plain =
    *Not Started; In Progress; Completed; Waiting on someone else; Deferred
Priority          picklist(40) auto plain = High; *Normal; Low
IsHighPriority    boolean ro plain
Description       textarea(32000)
Type              picklist(40) = Call; Meeting; Other; Prep; Email
AccountId         reference ro plain -> Account as Account
IsClosed          boolean ro plain
CompletedDateTime datetime ro plain
IsArchived        boolean ro plain
TaskSubtype       picklist(40) auto once plain strict =
    *Task; Email; ListEmail; Cadence; Call; LinkedIn
CallDurationInSeconds int(8) plain
CallType          picklist(40) strict = Internal; Inbound; Outbound
CallDisposition   string(255) plain
CallObject        string(255) plain
ReminderDateTime  datetime plain
IsReminderSet     boolean plain
RecurrenceActivityId reference ro plain -> Task
IsRecurrence      boolean plain
"""

EVENT = f"""
Event  00U  Event/Events  owned=Calendar
WhoId             reference -> Contact|Lead as Who kids Events "Name ID"
WhatId            reference -> {_WHAT} as What kids Events "Related To ID"
Subject           combobox(255) plain = Call; Email; Meeting; Send Letter/Quote; Other
Location          string(255)
IsAllDayEvent     boolean
ActivityDateTime  datetime plain
ActivityDate      date plain
DurationInMinutes int(8) plain
StartDateTime     datetime plain
EndDateTime       datetime plain
EndDate           date ro plain
Description       textarea(32000)
Type              picklist(40) = Email; Meeting; Other; Call
AccountId         reference ro plain -> Account as Account
IsPrivate         boolean plain
ShowAs            picklist(40) auto strict plain = *Busy; OutOfOffice; Free
IsChild           boolean ro plain
IsGroupEvent      boolean ro plain
IsArchived        boolean ro plain
RecurrenceActivityId reference ro plain -> Event
IsRecurrence      boolean once plain
IsRecurrence2     boolean ro plain
IsRecurrence2Exception boolean ro plain
IsRecurrence2Exclusion boolean ro plain
EventSubtype      picklist(40) once strict plain auto = *Event
ReminderDateTime  datetime plain
IsReminderSet     boolean plain
"""

ACTIVITY = (TASK, EVENT)
