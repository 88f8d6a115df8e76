// A receiver of webhooks as the documentation has it: accepts what is signed with SECRET and nothing else.
import crypto from 'node:crypto'
import http from 'node:http'

const server = http.createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const rawBody = Buffer.concat(chunks)
    const secret = process.env.SECRET
    const expected = crypto.createHmac('sha256', secret).update(rawBody).digest('hex')
    const accepted = ['x-pulse-signature', 'x-pulsepost-signature'].every(
      (header) => expected === request.headers[header],
    )
    response.writeHead(accepted ? 204 : 401).end()
  })
})
server.listen(Number(process.env.PORT), '127.0.0.1')
