"""Tasks, calls, meetings, emails and notes."""

from __future__ import annotations

_COMMON = """
hs_timestamp datetime "Activity date"
hs_activity_type enumeration x "Activity type"
hs_body_preview string crh "Body preview"
hs_engagement_source string rh "Engagement source"
hs_attachment_ids enumeration/checkbox h "Attached file IDs"
"""
TASK = {
    "task": f"""
{_COMMON.strip()}
hs_task_subject string "Task Title"
hs_task_body string/html "Task Notes"
hs_task_status enumeration/radio "Task Status" NOT_STARTED,IN_PROGRESS,WAITING,COMPLETED,DEFERRED
hs_task_priority enumeration/select "Priority" NONE,LOW,MEDIUM,HIGH
hs_task_type enumeration/select "Task Type" CALL,EMAIL,LINKED_IN,MEETING,TODO
hs_task_reminders string "Reminders"
hs_task_completion_date datetime r "Completed at"
hs_task_completion_count number crh "Completion count"
hs_task_is_completed number crh "Is completed"
hs_task_is_overdue bool crh "Is overdue"
hs_task_is_past_due_date bool crh "Is past due date"
hs_task_family enumeration/radio rh "Task family" SALES,SERVICE
hs_task_for_object_type enumeration/radio rh "Task for object type" \
OWNER,CONTACT,COMPANY,DEAL,TICKET
hs_pipeline enumeration xh "Pipeline"
hs_pipeline_stage enumeration xh "Pipeline stage"
"""
}
CALL = {
    "call": f"""
{_COMMON.strip()}
hs_call_title string "Call Title"
hs_call_body string/html "Call notes"
hs_call_direction enumeration/radio "Call direction" INBOUND,OUTBOUND
hs_call_duration number "Call duration"
hs_call_disposition enumeration/select x "Call outcome"
hs_call_status enumeration/radio "Call status" \
BUSY,CALLING_CRM_USER,CANCELED,COMPLETED,CONNECTING,FAILED,IN_PROGRESS,MISSED,NO_ANSWER,QUEUED,RINGING
hs_call_from_number string/phonenumber "From number"
hs_call_to_number string/phonenumber "To Number"
"""
}
MEETING = {
    "meeting": f"""
{_COMMON.strip()}
hs_meeting_title string "Meeting Name"
hs_meeting_body string/html "Meeting description"
hs_internal_meeting_notes string/html "Internal meeting notes"
hs_meeting_location string "Location"
hs_meeting_external_url string "Meeting URL"
hs_meeting_start_time datetime "Start time"
hs_meeting_end_time datetime "End time"
hs_meeting_outcome enumeration/select "Meeting outcome" \
SCHEDULED,COMPLETED,RESCHEDULED,NO_SHOW,CANCELED
hs_meeting_source string rh "Meeting source"
"""
}
EMAIL = {
    "email": f"""
{_COMMON.strip()}
hs_email_subject string "Email subject"
hs_email_text string/textarea "Email body"
hs_email_html string/html "Email HTML"
hs_email_direction enumeration/radio "Email Direction" EMAIL,INCOMING_EMAIL,FORWARDED_EMAIL
hs_email_status enumeration/radio "Email send status" BOUNCED,FAILED,SCHEDULED,SENDING,SENT
hs_email_headers string "Email headers"
hs_email_thread_id string r "Email thread ID"
"""
}
NOTE = {
    "note": f"""
{_COMMON.strip()}
hs_note_body string/html "Note body"
"""
}
