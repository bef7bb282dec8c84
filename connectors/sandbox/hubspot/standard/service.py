"""Tickets and feedback."""

from __future__ import annotations

_SLA = "0=Active,1=Due soon,2=Overdue,3=Completed on time,4=Completed late"
TICKET = {
    "ticketinformation": f"""
subject string "Ticket name"
content string/textarea "Ticket description"
hs_pipeline enumeration x "Pipeline"
hs_pipeline_stage enumeration x "Ticket status"
hs_ticket_priority enumeration "Priority" LOW=Low,MEDIUM=Medium,HIGH=High,URGENT=Urgent
hs_ticket_category enumeration/checkbox "Category" \
PRODUCT_ISSUE=Product issue,BILLING_ISSUE=Billing issue,FEATURE_REQUEST=Feature request,\
GENERAL_INQUIRY=General inquiry
hs_ticket_id number crh "Ticket ID"
source_type enumeration/radio "Source" CHAT=Chat,EMAIL=Email,FORM=Form,PHONE=Phone
hs_resolution string/textarea "Resolution"
createdate datetime r "Create date"
closed_date datetime "Close date"
hs_last_closed_date datetime cr "Last Closed Date"
hs_ticket_reopened_at datetime r "Reopened at"
hs_is_closed bool/calculation_equation cr "Is Closed"
time_to_close number r "Time to close"
time_to_first_agent_reply number r "Response time"
first_agent_reply_date datetime r "First agent email response date"
hs_last_message_received_at datetime r "Date of last customer message"
hs_last_message_sent_at datetime r "Date of last agent message"
hs_lastactivitydate datetime r "Last activity date"
hs_lastcontacted datetime r "Last contacted date"
hs_time_to_close_sla_at datetime r "Time to Close SLA Due Date"
hs_time_to_close_sla_status enumeration/radio r "Time to Close SLA Ticket Status" {_SLA}
hs_time_to_first_response_sla_at datetime r "Time to First Response SLA Due Date"
hs_time_to_first_response_sla_status enumeration/radio r \
"Time to First Response SLA Status" {_SLA}
hs_time_to_next_response_sla_at datetime r "Time to Next Response SLA Due Date"
hs_time_to_next_response_sla_status enumeration/radio r \
"Time to Next Response SLA Status" {_SLA}
hs_last_csat_rating number r "Last CSAT survey rating"
hs_feedback_last_nps_rating_number number r "Last NPS survey rating"
hs_helpdesk_sort_timestamp datetime rh "Helpdesk sort timestamp"
hs_last_message_from_visitor bool rh "Last message from visitor"
num_notes number r "Number of Sales Activities"
notes_last_contacted datetime r "Last Contacted"
notes_last_updated datetime r "Last Activity Date"
"""
}
FEEDBACK = {
    "feedback_submission_information": """
hs_survey_type enumeration "Survey type" CES,CSAT,CUSTOM,KNOWLEDGE,NPS
hs_value number "Rating"
hs_response_group enumeration "Response group" 0=Detractor,1=Passive,2=Promoter
hs_sentiment enumeration/radio "Sentiment" NEGATIVE,NEUTRAL,POSITIVE
hs_content string/textarea "Response"
hs_survey_id number "Survey ID"
hs_survey_name string "Survey name"
hs_survey_channel enumeration/radio "Survey source" EMAIL,WEB,CHAT
hs_submission_timestamp datetime "Date submitted"
hs_submission_name string "Submission name"
hs_contact_email_rollup string c "Contact email"
"""
}
