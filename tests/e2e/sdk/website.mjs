// A visit to a website that has the published SDK: node website.mjs ENDPOINT TOKEN beacon|fetch
//
// Plays what a browser would give the SDK; prints the session, and what was sent and answered.
const [endpoint, apiToken, transport] = process.argv.slice(2)

const requests = []
const realFetch = globalThis.fetch

async function post(url, { headers, body }) {
  const index = requests.push(undefined) - 1
  const response = await realFetch(url, { method: 'POST', headers, body })
  requests[index] = { headers, status: response.status, answer: await response.clone().text() }
  return response
}

function beacon(url, blob) {
  post(url, { headers: { 'Content-Type': blob.type }, body: blob })
  return true
}

const shop = 'https://shop.pulse.test'
const browser = {
  window: globalThis,
  fetch: post,
  addEventListener() {},
  location: new URL('/pricing?utm_source=news&utm_campaign=launch', shop),
  history: {
    pushState: (_state, _title, path) => (globalThis.location = new URL(path, shop)),
    replaceState() {},
  },
  document: {
    readyState: 'complete',
    referrer: 'https://www.google.com/search',
    title: 'Pricing',
    addEventListener() {},
  },
  navigator: { language: 'en-GB', ...(transport === 'beacon' && { sendBeacon: beacon }) },
}
for (const [name, value] of Object.entries(browser)) {
  // A plain assignment fails where Node has a read-only global of the same name.
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true })
}

const { Pulsora } = await import('@pulsora/core')
const pulsora = new Pulsora()
pulsora.init({ apiToken, endpoint })
history.pushState(null, '', '/checkout')
pulsora.event('plan_selected', { plan: 'pro' })

// A page view by itself, one for the change of address, and the event.
const deadline = Date.now() + 15_000
while (requests.length < 3 || requests.includes(undefined)) {
  if (Date.now() > deadline) throw new Error(`only these were sent: ${JSON.stringify(requests)}`)
  await new Promise((resolve) => setTimeout(resolve, 10))
}
console.log(JSON.stringify({ session: pulsora.getSessionId(), requests }))
