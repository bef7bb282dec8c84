"""Users, the organization row, and permission sets."""

from __future__ import annotations

_STAMPS = "Id,CreatedDate,CreatedById,LastModifiedDate,LastModifiedById,SystemModstamp"

USER = f"""
User  005  User/Users  system={_STAMPS}
Username          string(80) req look
LastName          string(80) req
FirstName         string(40) plain
Name              string(121) req ro auto "Full Name"
Email             email(128) req look
Title             string(80)
Department        string(80)
Alias             string(8) auto
IsActive          boolean plain = *true
ManagerId         reference -> User as Manager
TimeZoneSidKey    picklist(40) auto = *America/Los_Angeles
LocaleSidKey      picklist(40) auto = *en_US
LanguageLocaleKey picklist(40) auto = *en_US
UserType          picklist(40) ro auto strict = *Standard; PowerPartner; CustomerSuccess; Guest
LastLoginDate     datetime ro plain
"""

ORGANIZATION = f"""
Organization  00D  Organization/Organizations  system={_STAMPS}
Name              string(80) req
Division          string(80)
Street            textarea(255)
City              string(40)
State             string(80)
PostalCode        string(20)
Country           string(80)
PrimaryContact    string(80)
DefaultLocaleSidKey picklist(40) auto = *en_US
TimeZoneSidKey    picklist(40) auto = *America/Los_Angeles
LanguageLocaleKey picklist(40) auto = *en_US
FiscalYearStartMonth int(8) plain
OrganizationType  picklist(40) ro plain = Developer Edition; Enterprise Edition
NamespacePrefix   string(15) ro plain
InstanceName      string(5) ro plain
IsSandbox         boolean ro plain
IsReadOnly        boolean ro plain
TrialExpirationDate datetime ro plain
"""

PERMISSION_SET = f"""
PermissionSet  0PS  Permission Set/Permission Sets  system={_STAMPS}
Name              string(80) req
Label             string(80) req
Description       string(255) plain
IsOwnedByProfile  boolean ro plain
IsCustom          boolean ro plain = *true
LicenseId         reference once plain -> PermissionSetLicense|UserLicense as License
Type              picklist(40) ro plain auto = *Regular; Standard; Group
PermissionsActivitiesAccess boolean plain
PermissionsEditTask boolean plain
"""

ASSIGNMENT = """
PermissionSetAssignment  0Pa  Permission Set Assignment/Permission Set Assignments
     system=Id,SystemModstamp
PermissionSetId   reference req once -> PermissionSet as PermissionSet kids Assignments
AssigneeId        reference req once -> User as Assignee kids PermissionSetAssignments
IsActive          boolean ro plain = *true
"""

FIELD_PERMISSIONS = """
FieldPermissions  01k  Field Permissions/Field Permissions  system=Id,SystemModstamp
ParentId          reference req once -> PermissionSet as Parent kids FieldPerms
SobjectType       picklist(40) req once
Field             picklist(4000) req once
PermissionsEdit   boolean plain
PermissionsRead   boolean plain
"""

OBJECT_PERMISSIONS = f"""
ObjectPermissions  110  Object Permissions/Object Permissions  system={_STAMPS}
ParentId          reference req once -> PermissionSet as Parent kids ObjectPerms
SobjectType       picklist(40) req once
PermissionsCreate boolean plain
PermissionsRead   boolean plain
PermissionsEdit   boolean plain
PermissionsDelete boolean plain
PermissionsViewAllRecords boolean plain
PermissionsModifyAllRecords boolean plain
"""

ADMIN = (
    USER,
    ORGANIZATION,
    PERMISSION_SET,
    ASSIGNMENT,
    FIELD_PERMISSIONS,
    OBJECT_PERMISSIONS,
)
