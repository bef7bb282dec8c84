"""Account, contact and everything sold to them."""

from __future__ import annotations

_ADDRESS = """
{0}Street         textarea(255)
{0}City           string(40)
{0}State          string(80)
{0}PostalCode     string(20)
{0}Country        string(80)
{0}Latitude       double(18,15)
{0}Longitude      double(18,15)
"""

ACCOUNT = f"""
Account  001  Account/Accounts  owned
MasterRecordId    reference ro plain -> Account as MasterRecord
Name              string(255) req "Account Name"
Type              picklist(40) =
    Prospect; Customer - Direct; Customer - Channel; Channel Partner / Reseller;
    Installation Partner; Technology Partner; Other
ParentId          reference -> Account as Parent kids ChildAccounts
{_ADDRESS.format("Billing")}
{_ADDRESS.format("Shipping")}
Phone             phone(40)
Fax               phone(40)
AccountNumber     string(40)
Website           url(255)
Sic               string(20)
Industry          picklist(40) =
    Agriculture; Apparel; Banking; Biotechnology; Chemicals; Communications; Construction;
    Consulting; Education; Electronics; Energy; Engineering; Entertainment; Environmental;
    Finance; Food & Beverage; Government; Healthcare; Hospitality; Insurance; Machinery;
    Manufacturing; Media; Not For Profit; Recreation; Retail; Shipping; Technology;
    Telecommunications; Transportation; Utilities; Other
AnnualRevenue     currency(18,0)
NumberOfEmployees int(8) "Employees"
Ownership         picklist(40) = Public; Private; Subsidiary; Other
TickerSymbol      string(20)
Description       textarea(32000)
Rating            picklist(40) = Hot; Warm; Cold
Site              string(80)
LastActivityDate  date ro plain
LastViewedDate    datetime ro plain
LastReferencedDate datetime ro plain
CleanStatus       picklist(40) strict =
    Matched; Different; Acknowledged; NotFound; Inactive; Pending; SelectMatch; Skipped
AccountSource     picklist(40) = Web; Phone Inquiry; Partner Referral; Purchased List; Other
DunsNumber        string(9)
Tradestyle        string(255)
NaicsCode         string(8)
NaicsDesc         string(120)
YearStarted       string(4)
SicDesc           string(80)
"""

CONTACT = f"""
Contact  003  Contact/Contacts  owned
MasterRecordId    reference ro plain -> Contact as MasterRecord
AccountId         reference -> Account as Account kids Contacts
LastName          string(80) req
FirstName         string(40) plain
Salutation        picklist(40) plain = Mr.; Ms.; Mrs.; Dr.; Prof.
Name              string(121) req ro auto "Full Name"
{_ADDRESS.format("Mailing")}
Phone             phone(40)
Fax               phone(40)
MobilePhone       phone(40)
HomePhone         phone(40)
ReportsToId       reference -> Contact as ReportsTo
Email             email(80) look
Title             string(128)
Department        string(80)
LeadSource        picklist(255) = Web; Phone Inquiry; Partner Referral; Purchased List; Other
Birthdate         date
Description       textarea(32000)
LastActivityDate  date ro plain
EmailBouncedReason string(255) plain
EmailBouncedDate  datetime plain
IsEmailBounced    boolean ro plain
"""

OPPORTUNITY = """
Opportunity  006  Opportunity/Opportunities  owned
AccountId         reference -> Account as Account kids Opportunities
IsPrivate         boolean
Name              string(120) req look
Description       textarea(32000)
StageName         picklist(255) req =
    Prospecting; Qualification; Needs Analysis; Value Proposition; Id. Decision Makers;
    Perception Analysis; Proposal/Price Quote; Negotiation/Review; Closed Won; Closed Lost
Amount            currency(18,2)
Probability       percent(3,0) auto
ExpectedRevenue   currency(18,2) ro
TotalOpportunityQuantity double(18,2)
CloseDate         date req
Type              picklist(255) =
    Existing Customer - Upgrade; Existing Customer - Replacement; Existing Customer - Downgrade;
    New Customer
NextStep          string(255)
LeadSource        picklist(255) = Web; Phone Inquiry; Partner Referral; Purchased List; Other
IsClosed          boolean ro plain
IsWon             boolean ro plain
ForecastCategory  picklist(40) req ro strict auto =
    Omitted; Pipeline; BestCase; MostLikely; Forecast; Closed
ForecastCategoryName picklist(255) auto strict plain =
    Omitted; Pipeline; Best Case; Commit; Closed
HasOpportunityLineItem boolean ro plain
LastActivityDate  date ro plain
LastStageChangeDate datetime ro plain
FiscalQuarter     int(8) ro plain
FiscalYear        int(8) ro plain
Fiscal            string(6) ro plain
ContactId         reference once plain -> Contact kids Opportunities
ContractId        reference -> Contract as Contract kids Opportunities
PushCount         int(8) ro plain
"""

ROLE = """
OpportunityContactRole  00K  Opportunity Contact Role/Opportunity Contact Roles
OpportunityId     reference req once -> Opportunity as Opportunity kids OpportunityContactRoles
ContactId         reference req -> Contact as Contact kids OpportunityContactRoles
Role              picklist(40) plain =
    Business User; Decision Maker; Economic Buyer; Economic Decision Maker; Evaluator;
    Executive Sponsor; Influencer; Technical Buyer; Other
IsPrimary         boolean plain
"""

CONTRACT = """
Contract  800  Contract/Contracts  owned
AccountId         reference req -> Account as Account kids Contracts
Name              string(80)
ContractNumber    string(30) req ro auto look num
Status            picklist(40) auto = In Approval Process; Activated; *Draft
StatusCode        picklist(40) req ro auto strict = *Draft; InApproval; Activated
StartDate         date
ContractTerm      int(4)
EndDate           date ro
OwnerExpirationNotice picklist(40) = 15; 30; 45; 60; 90; 120
CompanySignedDate date
CustomerSignedId  reference -> Contact as CustomerSigned kids ContractsSigned
CustomerSignedDate date
SpecialTerms      textarea(4000)
Description       textarea(32000)
ActivatedDate     datetime
LastActivityDate  date ro plain
"""

ASSET = """
Asset  02i  Asset/Assets  owned
AccountId         reference -> Account as Account kids Assets
ContactId         reference -> Contact as Contact kids Assets
ParentId          reference -> Asset as Parent kids ChildAssets
Product2Id        reference -> Product2 as Product2
Name              string(255) req look
SerialNumber      string(80)
InstallDate       date
PurchaseDate      date
UsageEndDate      date
LifecycleStartDate datetime
LifecycleEndDate  datetime
Status            picklist(40) = Purchased; Shipped; Installed; Registered; Obsolete
Price             currency(18,2)
Quantity          double(18,2)
CurrentMrr        currency(18,2) ro
IsCompetitorProduct boolean
IsInternal        boolean ro
Description       textarea(32000)
ProductCode       string(255) ro
"""

RELATION = """
AccountContactRelation  07k  Account Contact Relationship/Account Contact Relationships
     feature=contacts_to_multiple_accounts
AccountId         reference req once -> Account as Account kids AccountContactRelations
ContactId         reference req once -> Contact as Contact kids AccountContactRelations
Roles             multipicklist(4099)
IsDirect          boolean ro plain
IsActive          boolean = *true
StartDate         date
EndDate           date
"""

SALES = (ACCOUNT, CONTACT, OPPORTUNITY, ROLE, CONTRACT, ASSET, RELATION)
