"""Companies, contacts, deals and line items."""

from __future__ import annotations

COMPANY = {
    "companyinformation": """
name string f "Company name"
domain string f "Company Domain Name"
website string f "Website URL"
description string/textarea f "Description"
phone string/phonenumber f "Phone Number"
address string f "Street Address"
city string f "City"
state string f "State/Region"
zip string f "Postal Code"
country string f "Country/Region"
timezone string f "Time Zone"
numberofemployees number f "Number of Employees"
annualrevenue number f "Annual Revenue"
founded_year string f "Year Founded"
is_public bool "Is Public"
industry enumeration f "Industry" \
ACCOUNTING,AUTOMOTIVE,BANKING,BIOTECHNOLOGY,COMPUTER_SOFTWARE,CONSTRUCTION,CONSUMER_GOODS,\
EDUCATION_MANAGEMENT,FINANCIAL_SERVICES,HEALTH_WELLNESS_AND_FITNESS,HOSPITAL_HEALTH_CARE,\
HOSPITALITY,INFORMATION_TECHNOLOGY_AND_SERVICES,INSURANCE,INTERNET,\
LOGISTICS_AND_SUPPLY_CHAIN,MACHINERY,MANAGEMENT_CONSULTING,MARKETING_AND_ADVERTISING,\
MEDIA_PRODUCTION,OIL_ENERGY,REAL_ESTATE,RETAIL,TELECOMMUNICATIONS,\
TRANSPORTATION_TRUCKING_RAILROAD,UTILITIES
type enumeration f "Type" \
PROSPECT=Prospect,PARTNER=Partner,RESELLER=Reseller,VENDOR=Vendor,OTHER=Other
lifecyclestage enumeration/radio f "Lifecycle Stage" \
subscriber,lead,marketingqualifiedlead=Marketing Qualified Lead,\
salesqualifiedlead=Sales Qualified Lead,opportunity,customer,evangelist,other
createdate datetime r "Create Date"
closedate datetime "Close Date"
hs_parent_company_id number r "Parent Company"
hs_num_child_companies number r "Number of child companies"
num_associated_contacts number r "Number of Associated Contacts"
num_associated_deals number r "Number of Associated Deals"
hs_num_open_deals number cr "Number of open deals"
recent_deal_amount number r "Recent Deal Amount"
recent_deal_close_date datetime r "Recent Deal Close Date"
total_revenue number r "Total Revenue"
hs_csm_sentiment enumeration "CSM Sentiment" positive,neutral,negative
hs_analytics_source enumeration r "Original Source Type" \
ORGANIC_SEARCH,PAID_SEARCH,EMAIL_MARKETING,SOCIAL_MEDIA,REFERRALS,OTHER_CAMPAIGNS,\
DIRECT_TRAFFIC,OFFLINE,PAID_SOCIAL
twitterhandle string f "Twitter Handle"
facebookfans number "Facebook Fans"
""",
    "companyactivity": """
notes_last_contacted datetime r "Last Contacted"
notes_last_updated datetime r "Last Activity Date"
notes_next_activity_date datetime r "Next Activity Date"
num_contacted_notes number r "Number of times contacted"
num_notes number r "Number of Sales Activities"
hs_last_sales_activity_timestamp datetime r "Last Engagement Date"
hs_last_booked_meeting_date datetime cr "Last Booked Meeting Date"
""",
}
CONTACT = {
    "contactinformation": """
email string f "Email"
firstname string f "First Name"
lastname string f "Last Name"
jobtitle string f "Job Title"
phone string f "Phone Number"
mobilephone string f "Mobile Phone Number"
company string f "Company Name"
website string f "Website URL"
address string f "Street Address"
city string f "City"
state string f "State/Region"
zip string f "Postal Code"
country string f "Country/Region"
industry string f "Industry"
lifecyclestage enumeration/radio f "Lifecycle Stage" \
subscriber,lead,marketingqualifiedlead=Marketing Qualified Lead,\
salesqualifiedlead=Sales Qualified Lead,opportunity,customer,evangelist,other
associatedcompanyid number xh "Associated Company ID"
createdate datetime r "Create Date"
lastmodifieddate datetime r "Last Modified Date"
hs_email_domain string cr "Email Domain"
hs_full_name_or_email string crh "Full name or email"
hs_is_contact bool/calculation_read_time crh "Is a contact"
hs_is_unworked bool/calculation_equation crh "Contact unworked"
hs_all_contact_vids enumeration crh "All vids for a contact"
hs_calculated_merged_vids enumeration crh "Merged vids with timestamps of a contact"
hs_pipeline enumeration xh "Pipeline"
""",
    "deal_information": """
hs_buying_role enumeration/checkbox f "Buying Role" \
BLOCKER=Blocker,BUDGET_HOLDER=Budget Holder,CHAMPION=Champion,DECISION_MAKER=Decision Maker,\
END_USER=End User,EXECUTIVE_SPONSOR=Executive Sponsor,INFLUENCER=Influencer,\
LEGAL_AND_COMPLIANCE=Legal & Compliance,OTHER=Other
closedate datetime "Close Date"
num_associated_deals number r "Number of Associated Deals"
recent_deal_amount number r "Recent Deal Amount"
total_revenue number r "Total Revenue"
""",
    "sales_properties": """
hs_lead_status enumeration/radio f "Lead Status" \
NEW,OPEN,IN_PROGRESS,OPEN_DEAL,UNQUALIFIED,ATTEMPTED_TO_CONTACT,CONNECTED,BAD_TIMING
hubspot_owner_id enumeration o "Contact owner"
hubspot_owner_assigneddate datetime r "Owner Assigned Date"
""",
    "emailinformation": """
hs_email_optout bool r "Unsubscribed from all email"
hs_email_bounce number r "Marketing emails bounced"
hs_email_hard_bounce_reason_enum enumeration/radio r "Email hard bounce reason" \
CONTENT,MAILBOX_FULL,OTHER,POLICY,SPAM,UNKNOWN_USER
""",
    "contact_activity": """
notes_last_contacted datetime r "Last Contacted"
notes_last_updated datetime r "Last Activity Date"
notes_next_activity_date datetime r "Next Activity Date"
num_contacted_notes number r "Number of times contacted"
num_notes number r "Number of Sales Activities"
hs_last_sales_activity_timestamp datetime r "Last Engagement Date"
hs_sales_email_last_replied datetime r "Recent Sales Email Replied Date"
hs_feedback_last_nps_rating enumeration r "Last NPS survey rating" 0,1,2,3,4,5,6,7,8,9,10
hs_feedback_last_survey_date datetime r "Last NPS survey date"
""",
}
DEAL = {
    "dealinformation": """
dealname string "Deal Name"
amount number $ "Amount"
amount_in_home_currency number cr "Amount in company currency"
deal_currency_code enumeration "Currency" USD,EUR,GBP,CHF,JPY
closedate datetime "Close Date"
createdate datetime r "Create Date"
dealtype enumeration/radio "Deal Type" newbusiness=New Business,existingbusiness=Existing Business
description string/textarea "Deal Description"
hs_is_closed bool/calculation_read_time cr "Is Deal Closed?"
hs_is_closed_won bool/calculation_equation cr "Is Closed Won"
hs_is_closed_lost bool/calculation_equation cr "Is closed lost"
hs_deal_stage_probability number r "Deal probability"
closed_lost_reason string/textarea "Closed Lost Reason"
closed_won_reason string/textarea "Closed Won Reason"
hs_mrr number/calculation_equation cr$ "Monthly recurring revenue"
hs_arr number/calculation_equation cr$ "Annual recurring revenue"
hs_acv number/calculation_equation cr$ "Annual contract value"
hs_tcv number/calculation_equation cr$ "Total contract value"
hs_closed_amount number cr "Closed Deal Amount"
hs_num_of_associated_line_items number cr "Number of Associated Line Items"
num_associated_contacts number r "Number of Associated Contacts"
""",
    "deal_activity": """
pipeline enumeration x "Pipeline"
dealstage enumeration/radio x "Deal Stage"
hubspot_owner_id enumeration o "Deal owner"
notes_last_contacted datetime r "Last Contacted"
notes_last_updated datetime r "Last Activity Date"
num_notes number r "Number of Sales Activities"
""",
}
LINE_ITEM = {
    "lineiteminformation": """
name string "Name"
description string/textarea "Description"
quantity number "Quantity"
price number "Unit price"
amount number cr "Net price"
discount number "Unit discount"
hs_discount_percentage number "Discount Percentage"
hs_product_id number "Product ID"
hs_sku string "SKU"
hs_line_item_currency_code enumeration "Currency" USD,EUR,GBP,CHF,JPY
recurringbillingfrequency enumeration "Billing frequency" \
weekly,biweekly,monthly,quarterly,per_six_months,annually,per_two_years,per_three_years
hs_recurring_billing_period string "Term"
hs_recurring_billing_start_date date "Billing start date"
hs_recurring_billing_end_date date cr "Billing end date"
hs_mrr number/calculation_equation cr "Monthly recurring revenue"
hs_arr number/calculation_equation cr "Annual recurring revenue"
hs_acv number/calculation_equation cr "Annual contract value"
hs_tcv number/calculation_equation cr "Total contract value"
createdate datetime r "Create Date"
"""
}
