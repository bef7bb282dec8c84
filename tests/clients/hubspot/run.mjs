// HubSpot's Node client against a sandbox: each step prints one line, the first mismatch ends
// with exit code 1.
//
// SANDBOX_URL is its address, SANDBOX_TOKEN a token with every scope; an app's login is made with
// SANDBOX_REFRESH and SANDBOX_CLIENT. The test that runs this has put 1,234 contacts in.
import assert from 'node:assert/strict';
import hubspot from '@hubspot/api-client';

const basePath = process.env.SANDBOX_URL;
const { SANDBOX_CLIENT: client, SANDBOX_REFRESH: refresh } = process.env;
const CONTACTS = 1234;

function say(step, found) {
  console.log(`${step}: ${found}`);
}

async function refusal(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  return assert.fail('no refusal came');
}

const plain = new hubspot.Client({ accessToken: process.env.SANDBOX_TOKEN, basePath });
const { crm } = plain;

const tokens = await plain.oauth.tokensApi.create(
  'refresh_token', undefined, undefined, client, client, refresh,
);
const tenant = await plain.oauth.accessTokensApi.get(tokens.accessToken);
const account = await (await plain.apiRequest({ path: '/account-info/v3/details' })).json();
assert.equal(tenant.hubId, account.portalId);
const stranger = new hubspot.Client({ accessToken: 'nobody', basePath });
const unknown = await refusal(stranger.crm.companies.basicApi.getPage());
assert.deepEqual([unknown.code, unknown.body.category], [401, 'INVALID_AUTHENTICATION']);
say('login', `portal ${tenant.hubId}, a token that is none gets ${unknown.code}`);

const contacts = await crm.contacts.getAll(undefined, undefined, ['lastname', 'email']);
assert.equal(contacts.length, CONTACTS);
assert.equal(new Set(contacts.map((one) => one.id)).size, CONTACTS);
assert.equal(contacts[0].properties.email, null);
assert.ok(contacts[0].updatedAt instanceof Date);
say('list', `${contacts.length} contacts over ${Math.ceil(CONTACTS / 100)} pages`);

const missing = await refusal(crm.companies.basicApi.getById('999'));
assert.equal(missing.code, 404);
assert.match(JSON.stringify(missing.body), /html/);
say('missing', 'a record that is not there is a page, with 404');

await crm.properties.groupsApi.create('companies', { name: 'node', label: 'Node' });
const key = {
  name: 'node_key', label: 'Key', type: 'string', fieldType: 'text', groupName: 'node',
  hasUniqueValue: true,
};
await crm.properties.coreApi.create('companies', key);
const properties = await crm.properties.batchApi.create('companies', {
  inputs: [
    { name: 'node_day', label: 'Day', type: 'date', fieldType: 'date', groupName: 'node' },
    key,
  ],
});
assert.deepEqual(properties.results.map((one) => one.name), ['node_day']);
assert.equal(properties.errors.length, 1);
const readKey = await crm.properties.coreApi.getByName('companies', 'node_key');
assert.equal(readKey.hasUniqueValue, true);
say('properties', '2 made in a group of their own, one refused as it exists');

const batch = crm.companies.batchApi;
const created = await batch.create({
  inputs: [
    { objectWriteTraceId: 'a', properties: { name: 'One', node_key: 'k1' }, associations: [] },
    { objectWriteTraceId: 'b', properties: { name: 'Two', node_key: 'k2' }, associations: [] },
    { objectWriteTraceId: 'c', properties: { name: 'Bad', node_day: 'soon' }, associations: [] },
  ],
});
const ids = Object.fromEntries(created.results.map((one) => [one.objectWriteTraceId, one.id]));
assert.deepEqual(Object.keys(ids).sort(), ['a', 'b']);
assert.deepEqual(created.errors[0].context.objectWriteTraceId, ['c']);
const upserted = await batch.upsert({
  inputs: ['k1', 'k3'].map((id) => ({
    idProperty: 'node_key', id, properties: { node_day: '2026-03-02' },
  })),
});
assert.deepEqual(
  Object.fromEntries(upserted.results.map((one) => [one.id === ids.a, one._new])),
  { true: false, false: true },
);
const updated = await batch.update({
  inputs: [
    { id: ids.a, properties: { node_day: '' } },
    { id: '999', properties: { name: 'Nobody' } },
  ],
});
assert.deepEqual(updated.errors[0].context.ids, ['999']);
const read = await batch.read({
  inputs: Object.values(ids).map((id) => ({ id })),
  properties: ['node_day', 'domain'],
  propertiesWithHistory: [],
});
const first = read.results.find((one) => one.id === ids.a);
assert.deepEqual([first.properties.node_day, first.properties.domain], ['', null]);
const whole = await refusal(batch.create({
  inputs: [{ properties: { name: 'Three' } }, { properties: { node_day: 'soon' } }],
}));
assert.deepEqual([whole.code, whole.body.category], [400, 'VALIDATION_ERROR']);
say('batches', '2 companies made and 1 refused, upserted, updated, cleared, read back');

const pair = { _from: { id: contacts[0].id }, to: { id: ids.a } };
const primary = { associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 1 };
const links = crm.associations.v4;
const linked = await links.batchApi.create('contacts', 'companies', {
  inputs: [{ ...pair, types: [primary] }],
});
assert.deepEqual(linked.results[0].labels, ['Primary']);
const found = await links.batchApi.getPage('contacts', 'companies', {
  inputs: contacts.slice(0, 2).map(({ id }) => ({ id })),
});
assert.equal(String(found.results[0].to[0].toObjectId), ids.a);
assert.equal(found.errors[0].subCategory, 'crm.associations.NO_ASSOCIATIONS_FOUND');
await links.basicApi.createDefault('contacts', contacts[1].id, 'companies', ids.b);
const listed = await links.basicApi.getPage('companies', ids.b, 'contacts');
assert.equal(String(listed.results[0].toObjectId), contacts[1].id);
await links.batchApi.archive('contacts', 'companies', {
  inputs: [{ _from: pair._from, to: [pair.to] }],
});
const gone = await links.basicApi.getPage('contacts', contacts[0].id, 'companies');
assert.equal(gone.results.length, 0);
say('associations', 'made with a type and by default, read both ways, ended');

const stage = { label: 'Open', displayOrder: 0, metadata: { ticketState: 'OPEN' } };
const pipeline = await crm.pipelines.pipelinesApi.create('tickets', {
  label: 'Node', displayOrder: 1, stages: [stage],
});
const ticket = await crm.tickets.basicApi.create({
  properties: { subject: 'T', hs_pipeline: pipeline.id, hs_pipeline_stage: pipeline.stages[0].id },
  associations: [{ to: { id: ids.a }, types: [{ ...primary, associationTypeId: 26 }] }],
});
const seen = await crm.tickets.basicApi.getById(
  ticket.id, ['hs_pipeline'], undefined, ['companies'],
);
assert.equal(seen.properties.hs_pipeline, pipeline.id);
assert.equal(seen.associations.companies.results[0].id, ids.a);
const pipelines = await crm.pipelines.pipelinesApi.getAll('tickets');
assert.deepEqual(pipelines.results.map((one) => one.label), ['Support Pipeline', 'Node']);
say('pipelines', 'a pipeline of tickets made, and a ticket in it with its company');

const schema = await crm.schemas.coreApi.create({
  name: 'node_use',
  labels: { singular: 'Use', plural: 'Uses' },
  primaryDisplayProperty: 'metric',
  requiredProperties: ['metric'],
  searchableProperties: [],
  secondaryDisplayProperties: [],
  associatedObjects: ['COMPANY'],
  properties: [{ name: 'metric', label: 'Metric', type: 'string', fieldType: 'text' }],
});
const use = await crm.objects.basicApi.create(schema.objectTypeId, {
  properties: { metric: 'logins' }, associations: [],
});
const uses = await crm.objects.basicApi.getPage('p_node_use', 10, undefined, ['metric']);
assert.deepEqual(uses.results.map((one) => [one.id, one.properties.metric]), [[use.id, 'logins']]);
say('custom object', `${schema.fullyQualifiedName.split('_').slice(1).join('_')} with a record`);

const owners = await crm.owners.ownersApi.getPage();
const owner = await crm.owners.ownersApi.getById(owners.results[0].userId, 'userId');
assert.equal(owner.id, owners.results[0].id);
say('owners', `${owners.results.length} listed, one read by its user`);

// Nine at once: more than the account may in a second, so some are told to wait, and do.
const patient = new hubspot.Client({
  accessToken: process.env.SANDBOX_TOKEN, basePath, numberOfApiCallRetries: 4,
});
const hits = await Promise.all([...Array(9).keys()].map((n) => patient.crm.contacts.searchApi
  .doSearch({
    filterGroups: [{
      filters: [{ propertyName: 'lastname', operator: 'EQ', value: `Name 000${n}` }],
    }],
    properties: ['lastname'],
    sorts: ['lastname'],
    limit: 5,
    after: '0',
  })));
assert.deepEqual(hits.map((hit) => hit.total), Array(9).fill(1));
say('search', `${hits.length} at once, each with its hit, after waiting where told to`);

await crm.companies.basicApi.archive(ids.b);
const archived = await crm.companies.basicApi.getPage(
  10, undefined, ['name'], undefined, undefined, true,
);
assert.deepEqual(archived.results.map((one) => [one.id, one.archived]), [[ids.b, true]]);
say('archive', 'one company, found in the archived listing alone');

console.log('all steps passed');
