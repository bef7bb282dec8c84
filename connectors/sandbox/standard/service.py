"""Cases, and what an org with entitlements keeps about them."""

from __future__ import annotations

CASE = """
Case  500  Case/Cases  owned=Group
MasterRecordId    reference ro plain -> Case as MasterRecord
CaseNumber        string(30) req ro auto look num
ContactId         reference -> Contact as Contact kids Cases
AccountId         reference -> Account as Account kids Cases
AssetId           reference -> Asset as Asset kids Cases
ParentId          reference -> Case as Parent kids Cases
SuppliedName      string(80)
SuppliedEmail     email(80)
SuppliedPhone     string(40)
SuppliedCompany   string(80)
Type              picklist(40) = Mechanical; Electrical; Electronic; Structural; Other
Status            picklist(40) auto plain = *New; Working; Escalated; Closed
Reason            picklist(40) =
    Installation; Equipment Complexity; Performance; Breakdown; Equipment Design; Feedback;
    Other
Origin            picklist(40) = Phone; Email; Web
Subject           string(255)
Priority          picklist(40) auto = High; *Medium; Low
Description       textarea(32000)
IsClosed          boolean ro plain
ClosedDate        datetime ro
IsEscalated       boolean
ContactPhone      phone(40) ro plain
ContactEmail      email(80) ro plain
"""

ENTITLEMENT = """
Entitlement  550  Entitlement/Entitlements  feature=entitlements
Name              string(255) req look
AccountId         reference req -> Account as Account kids Entitlements
AssetId           reference -> Asset as Asset kids Entitlements
Type              picklist(40) = Gateway Support; Phone Support; Web Support
Status            picklist(40) ro = Active; Expired; Inactive
StartDate         date
EndDate           date
CasesPerEntitlement int(8)
RemainingCases    int(8)
IsPerIncident     boolean
"""

MILESTONE = """
CaseMilestone  555  Case Milestone/Case Milestones  feature=entitlements  nosync
CaseId            reference req ro auto -> Case as Case kids CaseMilestones
StartDate         datetime
TargetDate        datetime ro nosort plain
CompletionDate    datetime
IsCompleted       boolean ro plain
IsViolated        boolean ro nosort plain
TargetResponseInMins int(9) ro plain
TimeRemainingInMins string(25) ro nofilter nosort plain
TimeSinceTargetInMins string(25) ro nofilter nosort plain
"""

SERVICE = (CASE, ENTITLEMENT, MILESTONE)
