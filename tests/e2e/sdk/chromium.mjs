// A visit by a real browser to a page that has the SDK: node chromium.mjs ENDPOINT TOKEN beacon|fetch
//
// Prints the session that the SDK has made.
import { spawn } from 'node:child_process'
import { readFileSync, mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const [endpoint, token, transport] = process.argv.slice(2)
const sdk = readFileSync(createRequire(import.meta.url).resolve('@pulsora/core/browser'))
const page = `<!doctype html><title>Pricing</title>
<script>${transport === 'fetch' ? 'delete Navigator.prototype.sendBeacon' : ''}</script>
<script src="/sdk.js" data-token="${token}" data-endpoint="${endpoint}"></script>
<script>document.documentElement.dataset.session = pulsora.getSessionId()</script>`

const server = http.createServer((request, response) => {
  const [type, body] = request.url === '/sdk.js' ? ['text/javascript', sdk] : ['text/html', page]
  response.writeHead(200, { 'Content-Type': type }).end(body)
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))

const profile = mkdtempSync(join(tmpdir(), 'pulse-chromium-'))
const quiet = ['quic', 'background-networking', 'component-update', 'sync', 'gpu'].map((name) => `--disable-${name}`)
const options = ['--headless', '--no-sandbox', '--no-first-run', `--user-data-dir=${profile}`, ...quiet]
const address = `http://127.0.0.1:${server.address().port}/pricing?utm_source=news`
const chromium = spawn('chromium', [...options, '--virtual-time-budget=5000', '--dump-dom', address], {
  stdio: ['ignore', 'pipe', 'ignore'],
})
let dom = ''
chromium.stdout.on('data', (chunk) => (dom += chunk))
await new Promise((resolve) => chromium.on('close', resolve))
server.close()
rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
console.log(JSON.stringify({ session: /data-session="([^"]+)"/.exec(dom)[1] }))
