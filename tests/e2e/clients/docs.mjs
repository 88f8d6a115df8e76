// A visit to the page of the API by a real browser: node docs.mjs ADDRESS
//
// Prints what the browser's console says, which is nothing while all goes well: errors of scripts, files that are
// missing and whatever the page's policy refuses would stand there.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const [address] = process.argv.slice(2)
const profile = mkdtempSync(join(tmpdir(), 'pulse-chromium-'))
const quiet = ['quic', 'background-networking', 'component-update', 'sync', 'gpu'].map((name) => `--disable-${name}`)
const options = ['--headless', '--no-sandbox', '--no-first-run', `--user-data-dir=${profile}`, ...quiet]
const chromium = spawn(
  'chromium',
  [...options, '--enable-logging=stderr', '--virtual-time-budget=10000', '--dump-dom', address],
  { stdio: ['ignore', 'pipe', 'pipe'] },
)
let dom = ''
let log = ''
chromium.stdout.on('data', (chunk) => (dom += chunk))
chromium.stderr.on('data', (chunk) => (log += chunk))
await new Promise((resolve) => chromium.on('close', resolve))
rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
const said = log.split('\n').filter((line) => line.includes('CONSOLE'))
console.log(JSON.stringify({ said, title: /<title>([^<]*)/.exec(dom)?.[1] }))
