'use strict';
// Replays histories with the project's own @temporalio/worker; speaks the protocol of docs/replay-runners.md.
//
//   node runner.cjs bundle SPEC     bundle the workflow code once, for all runners of a check; says hello and ends
//   node runner.cjs replay SPEC     hello, then a verdict for each history
//
// SPEC is a JSON file: {project, target, export, bundle}.

const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const { createRequire } = require('node:module');
const { pathToFileURL } = require('node:url');

const PROTOCOL = 1;
const writeOut = process.stdout.write.bind(process.stdout);
// stdout belongs to the protocol: what anything else prints goes to stderr.
process.stdout.write = process.stderr.write.bind(process.stderr);

function say(message) {
  return new Promise((resolve) => writeOut(`\n${JSON.stringify(message)}\n`, resolve));
}

class Refusal extends Error {
  constructor(message, hint, location) {
    super(message);
    Object.assign(this, { hint, location });
  }
}

/** What webpack says of the first error, without the list of what it bundled and where it looked. */
function bundleRefusal(problems, spec, error) {
  const found = /^ERROR in (\S+?)(?: (\d+):\S+)?\n([^]*?)(?=\n(?:resolve | @ )|\n\n|$)/m.exec(problems.join('\n'));
  if (!found) return new Refusal([...problems, error.message].join('\n'));
  const file = path.resolve(spec.project, found[1]);
  return new Refusal(found[3].trim(), undefined, fs.existsSync(file) ? { file, line: Number(found[2] ?? 0) } : undefined);
}

/** The project's SDK, and the very protobuf classes that it uses itself. */
function sdkOf(project) {
  const require_ = createRequire(path.join(project, 'package.json'));
  try {
    const main = require_.resolve('@temporalio/worker');
    const { temporal } = createRequire(main)('@temporalio/proto');
    const { version } = JSON.parse(fs.readFileSync(findManifest(main), 'utf8'));
    return { worker: require_('@temporalio/worker'), History: temporal.api.history.v1.History, version };
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    throw new Refusal(`@temporalio/worker is not installed in ${project}`, 'npm install, or name the project with --project');
  }
}

/** The package's exports may hide its package.json, so it is found by walking up from its main file. */
function findManifest(file) {
  let directory = path.dirname(file);
  while (!fs.existsSync(path.join(directory, 'package.json'))) directory = path.dirname(directory);
  return path.join(directory, 'package.json');
}

/** The options of runReplayHistories: made by the project, or nothing but the path of the workflows. */
async function optionsOf(spec) {
  if (!spec.export) return { workflowsPath: spec.target };
  const exported = await import(pathToFileURL(spec.target).href);
  const value = exported[spec.export] ?? exported.default?.[spec.export];
  if (value === undefined) throw new Refusal(`${spec.target} does not export '${spec.export}'`);
  const options = typeof value === 'function' ? await value() : value;
  if (typeof options !== 'object' || options === null || !(options.workflowsPath || options.workflowBundle)) {
    throw new Refusal(`'${spec.export}' has neither a workflowsPath nor a workflowBundle`, 'it must be the options of Worker.runReplayHistories');
  }
  return options;
}

function quiet(worker) {
  const logger = new worker.DefaultLogger('ERROR', () => undefined);
  worker.Runtime.install({ logger, telemetryOptions: { logging: { filter: 'OFF', forward: {} } } });
  return logger;
}

async function bundle(spec) {
  const { worker, version } = sdkOf(spec.project);
  const options = await optionsOf(spec);
  if (options.workflowsPath) {
    const problems = [];
    const logger = new worker.DefaultLogger('WARN', ({ level, message }) => level === 'ERROR' && problems.push(message));
    const theirs = {
      logger,
      workflowsPath: options.workflowsPath,
      payloadConverterPath: options.dataConverter?.payloadConverterPath,
      failureConverterPath: options.dataConverter?.failureConverterPath,
      workflowInterceptorModules: options.interceptors?.workflowModules,
      ...options.bundlerOptions,
    };
    try {
      const { code } = await worker.bundleWorkflowCode(watched(theirs, spec.project)).catch(() => {
        problems.length = 0;
        return worker.bundleWorkflowCode(theirs);
      });
      await fs.promises.writeFile(spec.bundle, code);
    } catch (error) {
      throw bundleRefusal(problems, spec, error);
    }
  }
  await say(hello(version));
}

/** The same bundle with one more interceptor, which is not of the project and yet must find the project's SDK. */
function watched(theirs, project) {
  return {
    ...theirs,
    workflowInterceptorModules: [...(theirs.workflowInterceptorModules ?? []), path.join(__dirname, 'watch.cjs')],
    webpackConfigHook: (config) => {
      const modules = [...(config.resolve?.modules ?? ['node_modules']), path.join(project, 'node_modules')];
      const changed = { ...config, resolve: { ...config.resolve, modules } };
      return theirs.webpackConfigHook ? theirs.webpackConfigHook(changed) : changed;
    },
  };
}

/** The first frame of a stack that is neither the SDK's nor ours. */
function placeIn(stack) {
  for (const frame of stack.split('\n')) {
    const found = /^\s*at (?:async )?(?:(\S+) \()?(?:file:\/\/)?(\/[^():]+):(\d+):\d+\)?\s*$/.exec(frame);
    if (found && !found[2].includes('/node_modules/') && found[2] !== path.join(__dirname, 'watch.cjs')) {
      return { file: found[2], line: Number(found[3]), function: found[1] ?? '' };
    }
  }
  return undefined;
}

function sinksOf(options, current) {
  const made = (_, kind, name, id, stack) => current.made.push({ kind, name, id, location: placeIn(stack) });
  return { ...options.sinks, wfctlReplay: { made: { fn: made, callDuringReplay: true } } };
}

function hello(version) {
  // Which functions a bundle exports is known only inside a workflow's isolate.
  const sdk = `@temporalio/worker ${version}`;
  return { wfctl: 'hello', protocol: PROTOCOL, language: 'typescript', sdk, workflows: null, dynamic: false, histories: 'protobuf' };
}

/** Histories of stdin, one at a time; each is taken only when the verdict on the one before is out. */
async function* histories(current, History) {
  for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (!line.trim()) continue;
    const message = JSON.parse(line);
    if (message.wfctl !== 'history') continue;
    current.message = message;
    current.made = [];
    // Protobuf rather than JSON: the SDK's JSON reader fails where npm installed two copies of protobufjs.
    yield { workflowId: message.workflow_id || 'replay', history: History.decode(Buffer.from(message.history, 'base64')) };
  }
}

function judged(error) {
  if (error === undefined || error === null) return { verdict: 'compatible' };
  const message = String(error.message ?? error);
  if (error.name === 'DeterminismViolationError') return { verdict: 'nondeterminism', message };
  if (error.name !== 'ReplayError') return { verdict: 'infrastructure', message, stack: error.stack };
  if (/no such function is exported by the workflow bundle/.test(message)) return { verdict: 'unregistered', message };
  if (/\[TMPRL1100\]/.test(message)) return { verdict: 'nondeterminism', message };
  if (/internal SDK issue/.test(message)) return { verdict: 'infrastructure', message };
  return { verdict: 'workflow_error', message };
}

async function replay(spec) {
  const { worker, History, version } = sdkOf(spec.project);
  quiet(worker);
  const options = await optionsOf(spec);
  if (fs.existsSync(spec.bundle)) {
    delete options.workflowsPath;
    options.workflowBundle = { codePath: spec.bundle };
  }
  await say(hello(version));
  const current = { made: [] };
  options.sinks = sinksOf(options, current);
  try {
    for await (const result of worker.Worker.runReplayHistories(options, histories(current, History))) {
      const commands = result.error ? current.made : undefined;
      await say({ wfctl: 'verdict', number: current.message.number, commands, ...judged(result.error) });
      current.message = undefined;
    }
  } catch (error) {
    if (!current.message) throw error;
    const verdict = { verdict: 'infrastructure', message: String(error.message ?? error), stack: error.stack, leaving: true };
    await say({ wfctl: 'verdict', number: current.message.number, ...verdict });
  }
}

async function main() {
  const [, , mode, file] = process.argv;
  const spec = JSON.parse(fs.readFileSync(file, 'utf8'));
  try {
    await (mode === 'bundle' ? bundle : replay)(spec);
  } catch (error) {
    const message = error instanceof Refusal ? error.message : String(error.stack ?? error);
    await say({ wfctl: 'failure', message, hint: error.hint, location: error.location });
    process.exit(1);
  }
  process.exit(0);
}

void main();
