// jsforce against a sandbox: each step prints one line, the first mismatch ends with exit code 1.
//
// SANDBOX_URL is its address. The test that runs this has put 4,321 contacts and 7 accounts in.
import assert from 'node:assert/strict';
import jsforce from 'jsforce';

const url = process.env.SANDBOX_URL;
const VERSION = '67.0';
const CONTACTS = 4321;
const FIELD = 'Account.Jsforce_Note__c';

async function login(client) {
  const connection = new jsforce.Connection({
    instanceUrl: url,
    version: VERSION,
    oauth2: { loginUrl: url, clientId: client, clientSecret: client },
  });
  await connection.authorize({ grant_type: 'client_credentials' });
  return connection;
}

function say(step, found) {
  console.log(`${step}: ${found}`);
}

const sync = await login('sandbox-sync');
assert.match(sync.userInfo.id, /^005\w{15}$/);
assert.ok(sync.accessToken.startsWith('00D'));
say('login', `client credentials, user ${sync.userInfo.id}`);

const described = await sync.describe('Account');
assert.equal(described.keyPrefix, '001');
const names = described.fields.map((field) => field.name);
assert.ok(names.includes('Name') && names.includes('SystemModstamp'));
say('describe', `Account with ${names.length} fields`);

const seen = new Set();
const contacts = sync
  .query('SELECT Id, LastName, CreatedDate FROM Contact ORDER BY LastName')
  .on('record', (record) => seen.add(record.LastName));
await contacts.run({ autoFetch: true, maxFetch: 10_000 });
assert.equal(contacts.totalSize, CONTACTS);
assert.equal(seen.size, CONTACTS);
say('query', `${seen.size} contacts over ${Math.ceil(CONTACTS / 2000)} pages`);

const accounts = await sync.query('SELECT Id, Name FROM Account ORDER BY Name');
const rows = accounts.records.map(({ Id }) => ({ Id, Rating: 'Hot' }));
rows.push({ Id: '001000000000000AAA', Rating: 'Hot' });
const updated = await sync.sobject('Account').update(rows);
assert.deepEqual(
  updated.map((result) => result.success),
  [...accounts.records.map(() => true), false],
);
assert.equal(updated.at(-1).errors[0].statusCode, 'INVALID_CROSS_REFERENCE_KEY');
const hot = await sync.query("SELECT COUNT() FROM Account WHERE Rating = 'Hot'");
assert.equal(hot.totalSize, accounts.totalSize);
say('collections', `${hot.totalSize} accounts updated, 1 refused`);

const bulk = sync.bulk2;
const stream = await bulk.query('SELECT Id, LastName, Email, Account.Name FROM Contact', {
  pollInterval: 50,
  pollTimeout: 20_000,
});
const read = await stream.toArray();
assert.equal(read.length, CONTACTS);
assert.deepEqual(new Set(read.map((record) => record.LastName)), seen);
assert.ok('Account.Name' in read[0]);
assert.notEqual(read[0].LastName, 'Name 0000');
say('bulk query', `${read.length} contacts in no order`);

await assert.rejects(
  bulk.query('SELECT COUNT(Id) FROM Contact', { pollInterval: 50 }),
  (error) => error.errorCode === 'API_ERROR',
);
say('bulk refusal', 'an aggregate is refused with API_ERROR');

const loaded = await bulk.loadAndWaitForResults({
  object: 'Account',
  operation: 'insert',
  input: [
    { Name: 'jsforce one', Description: 'a "quoted", text\nof two lines' },
    { Name: 'jsforce two', Description: '' },
    { Name: '', Description: 'nameless' },
  ],
  pollInterval: 50,
  pollTimeout: 20_000,
});
assert.equal(loaded.successfulResults.length, 2);
assert.deepEqual(
  loaded.failedResults.map((row) => row.sf__Error),
  ['REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --'],
);
assert.equal(loaded.unprocessedRecords.length, 0);
const made = await sync.sobject('Account').retrieve(loaded.successfulResults[0].sf__Id);
assert.equal(made.Description, 'a "quoted", text\nof two lines');
say('bulk ingest', '2 accounts inserted, 1 refused with its reason');

const admin = await login('sandbox-admin');
const metadata = { fullName: FIELD, label: 'jsforce note', type: 'Text', length: 80 };
const first = await admin.metadata.upsert('CustomField', metadata);
assert.deepEqual([first.success, first.created, first.fullName], [true, true, FIELD]);
const again = await admin.metadata.upsert('CustomField', metadata);
assert.deepEqual([again.success, again.created], [true, false]);
const field = await admin.metadata.read('CustomField', FIELD);
assert.deepEqual([field.fullName, field.type, Number(field.length)], [FIELD, 'Text', 80]);
say('metadata', `${FIELD} created, upserted again, read back`);

console.log('all steps passed');
