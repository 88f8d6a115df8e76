// A story told with the published client kitsu: node kitsu.mjs API TOKEN
//
// Prints what the client understood of each answer.
import Kitsu from 'kitsu'

const [baseURL, token] = process.argv.slice(2)
const api = new Kitsu({
  baseURL,
  headers: { Authorization: `Bearer ${token}` },
  // Types and paths are the same in Pulse, and are what the client is told.
  resourceCase: 'none',
  camelCaseTypes: false,
  pluralize: false,
})
const told = {}

const { data: acme } = await api.create('companies', { name: 'Acme' })
const { data: vip } = await api.create('tags', { name: 'vip' })
const made = await api.create('contacts', {
  first_name: 'Ada',
  last_name: 'Lovelace',
  company: { data: { type: 'companies', id: acme.id } },
})
for (const last_name of ['Hopper', 'Hamilton']) await api.create('contacts', { first_name: 'Grace', last_name })
told.created = { status: made.status, name: made.data.last_name }

const contact = await api.get(`contacts/${made.data.id}`, { params: { include: 'company,tags' } })
told.read = { company: contact.data.company.data.name, tags: contact.data.tags.data }

const filtered = await api.get('contacts', { params: { filter: { last_name_cont: 'love' } } })
told.filtered = filtered.data.map(({ last_name }) => last_name)
const listed = await api.get('contacts', { params: { filter: { last_name_in: ['Hopper', 'Hamilton'] }, sort: '-last_name' } })
told.listed = listed.data.map(({ last_name }) => last_name)

const page = await api.get('contacts', {
  params: { sort: 'last_name', page: { number: 2, size: 1 }, fields: { contacts: 'last_name' } },
})
told.page = { names: page.data.map(({ last_name }) => last_name), total: page.meta.total }

const updated = await api.update('contacts', { id: contact.data.id, title: 'Countess' })
told.updated = updated.data.title

const related = await api.update('contacts', {
  id: contact.data.id,
  company: { data: null },
  tags: { data: [{ type: 'tags', id: vip.id }] },
})
told.related = related.status
told.tags = (await api.get(`contacts/${contact.data.id}/tags`)).data.map(({ name }) => name)
told.company = (await api.get(`contacts/${contact.data.id}/company`)).data

const links = `contacts/${contact.data.id}/relationships/tags`
told.unlinked = (await api.remove(links, [vip.id])).data
told.linked = (await api.create(links, [{ type: 'tags', id: vip.id }])).data

told.refused = await api.create('contacts', { email: 'nobody' }).catch(({ errors }) => errors.map(({ code, source }) => [code, source]))
told.deleted = (await api.remove('contacts', contact.data.id)).status
told.gone = await api.get(`contacts/${contact.data.id}`).catch(({ errors }) => errors[0].status)

console.log(JSON.stringify(told))
