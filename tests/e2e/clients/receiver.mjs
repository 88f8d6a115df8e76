// Receivers of webhooks, as a customer writes them in Node: each path verifies in the way that it was told by `PUT`, with
// `{"form": "library" | "bare" | "public", "with": secret or address of the key set}`, and answers 200 or 400. `GET` tells
// how many requests it has accepted and refused since.
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto'
import http from 'node:http'

import { Webhook } from 'standardwebhooks'

const forms = {
  library: (secret) => (body, headers) => new Webhook(secret).verify(body, headers),

  bare: (secret) => (body, headers) => {
    const expected = Buffer.from(createHmac('sha256', secret).update(body).digest('hex'))
    for (const header of ['x-pulse-signature', 'x-pulsepost-signature']) {
      const found = Buffer.from(headers[header])
      if (found.length !== expected.length || !timingSafeEqual(found, expected)) throw new Error(header)
    }
  },

  public: (address) => {
    let keySet
    const isGenuine = (body, headers) => {
      const signed = Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body])
      const signatures = headers['webhook-signature'].split(' ').filter((one) => one.startsWith('v1a,'))
      const recent = Math.abs(Date.now() / 1000 - headers['webhook-timestamp']) < 300
      return recent && signatures.some((one) => keySet.keys.some((key) =>
        verify(null, signed, createPublicKey({ key, format: 'jwk' }), Buffer.from(one.slice(4), 'base64'))))
    }
    const ask = async () => { keySet = await (await fetch(address)).json() }
    return async (body, headers) => {
      if (!keySet) await ask()
      if (isGenuine(body, headers)) return
      await ask()
      if (!isGenuine(body, headers)) throw new Error('no key fits')
    }
  },
}

const receivers = new Map()

async function answer(method, path, headers, body) {
  if (method === 'PUT') {
    const told = JSON.parse(body)
    receivers.set(path, { verify: forms[told.form](told.with), accepted: 0, refused: 0 })
    return [200, '']
  }
  const receiver = receivers.get(path)
  if (method === 'GET') return [200, JSON.stringify({ accepted: receiver.accepted, refused: receiver.refused })]
  try {
    await receiver.verify(body, headers)
    receiver.accepted += 1
    return [200, '']
  } catch (error) {
    receiver.refused += 1
    return [400, String(error)]
  }
}

http.createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const [status, text] = await answer(request.method, request.url, request.headers, Buffer.concat(chunks))
  response.writeHead(status).end(text)
}).listen(Number(process.env.PORT), '127.0.0.1')
