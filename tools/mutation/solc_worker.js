// A compiler that stays loaded: reads one request a line (JSON on stdin), answers one line each (JSON on stdout).
//
//   {"ast": "contracts/a/A.sol"}                                     {"ast": {…}}
//   {"compile": ["contracts/a/A.sol"], "changed": {"path": "text"}}  {"A": {"abi": […], "bytecode": "…"}} or {"error": "…"}
//
// Code comes without the metadata's hash, so that equal code is equal text; without the optimizer unless asked, which is
// four times as fast.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const readline = require('node:readline')

const [root, evmVersion, runs, ...remappings] = process.argv.slice(2)
const solc = require(path.join(root, 'node_modules', 'solc'))
const known = new Map()

function read (name) {
  if (!known.has(name)) known.set(name, fs.readFileSync(path.join(root, name), 'utf8'))
  return known.get(name)
}

function ask (names, changed, optimize, selection) {
  const textOf = (name) => changed[name] ?? read(name)
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(names.map((name) => [name, { content: textOf(name) }])),
    settings: {
      evmVersion,
      remappings,
      optimizer: { enabled: optimize, runs: Number(runs) },
      metadata: { appendCBOR: false },
      outputSelection: Object.fromEntries(names.map((name) => [name, selection]))
    }
  }
  return JSON.parse(solc.compile(JSON.stringify(input), { import: (name) => ({ contents: textOf(name) }) }))
}

function answer (request) {
  if (request.ast) {
    return { ast: ask([request.ast], {}, false, { '': ['ast'] }).sources[request.ast].ast }
  }
  const selection = { '*': ['abi', 'evm.bytecode.object'] }
  const output = ask(request.compile, request.changed ?? {}, Boolean(request.optimize), selection)
  const errors = (output.errors ?? []).filter((message) => message.severity === 'error')
  if (errors.length > 0) return { error: errors[0].message }
  const found = {}
  for (const name of request.compile) {
    for (const [contract, parts] of Object.entries(output.contracts[name])) {
      found[contract] = { abi: parts.abi, bytecode: parts.evm.bytecode.object }
    }
  }
  return found
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  let found
  try {
    found = answer(JSON.parse(line))
  } catch (error) {
    found = { error: `the compiler stopped: ${error.message}` }
  }
  process.stdout.write(JSON.stringify(found) + '\n')
})
