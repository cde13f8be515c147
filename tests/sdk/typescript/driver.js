'use strict';
// Runs every scenario with a real TypeScript worker: `node driver.js --address HOST:PORT [--only NAME …]`,
// or `node driver.js --start-local EXECUTABLE`, which lets the SDK start that server itself.
// Prints one JSON line a scenario: {scenario, ok, result | error}; exits 1 when one failed.

const { parseArgs } = require('node:util');
const { Client, Connection } = require('@temporalio/client');
const { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } = require('@temporalio/worker');
const { TestWorkflowEnvironment } = require('@temporalio/testing');
const { activities } = require('./activities');
const { newId, scenarios } = require('./scenarios');

const MILLISECONDS_PER_SCENARIO = 30_000;
const POLL_MILLISECONDS = 20;
// The scenarios fail their activities on purpose: only what the SDK itself calls an error is shown.
const logger = new DefaultLogger('ERROR');

/** What a scenario needs: a client, a task queue that a worker polls, ids nobody used before. */
class Run {
  constructor(client, native, workflowBundle) {
    Object.assign(this, { client, native, workflowBundle, taskQueue: newId('typescript'), handles: [] });
  }

  async start(type, args, workflowId = newId(type)) {
    const handle = await this.client.workflow.start(type, { args, workflowId, taskQueue: this.taskQueue });
    this.handles.push(handle);
    return handle;
  }

  worker(options) {
    return Worker.create({ connection: this.native, workflowBundle: this.workflowBundle, activities, ...options });
  }

  async until(condition) {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

function withinTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('took too long')), MILLISECONDS_PER_SCENARIO);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function runOne(scenario, run) {
  const line = { scenario: scenario.name };
  try {
    Object.assign(line, { ok: true, result: (await withinTime(scenario(run))) ?? null });
  } catch (error) {
    Object.assign(line, { ok: false, error: `${error.name}: ${error.message}`, cause: String(error.cause), trace: error.stack });
  }
  console.log(JSON.stringify(line));
  return line.ok;
}

async function runAll(client, native, only) {
  const workflowBundle = await bundleWorkflowCode({ workflowsPath: require.resolve('./workflows'), logger });
  const run = new Run(client, native, workflowBundle);
  const worker = await run.worker({ taskQueue: run.taskQueue });
  let allPassed = true;
  await worker.runUntil(async () => {
    for (const scenario of scenarios) {
      if (!only || only.includes(scenario.name)) allPassed = (await runOne(scenario, run)) && allPassed;
    }
  });
  return allPassed;
}

async function main() {
  const { values } = parseArgs({
    options: {
      address: { type: 'string' },
      'start-local': { type: 'string' },
      only: { type: 'string', multiple: true },
    },
  });
  Runtime.install({ logger });
  if (values['start-local']) {
    const environment = await TestWorkflowEnvironment.createLocal({
      server: { executable: { type: 'existing-path', path: values['start-local'] } },
    });
    try {
      return await runAll(environment.client, environment.nativeConnection, values.only);
    } finally {
      await environment.teardown();
    }
  }
  const connection = await Connection.connect({ address: values.address });
  const native = await NativeConnection.connect({ address: values.address });
  try {
    return await runAll(new Client({ connection }), native, values.only);
  } finally {
    await connection.close();
    await native.close();
  }
}

main().then(
  (allPassed) => process.exit(allPassed ? 0 : 1),
  (error) => {
    console.error(error);
    process.exit(2);
  },
);
