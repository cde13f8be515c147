'use strict';
// The worker of a recording: `node worker.cjs HOST:PORT QUEUE WORKFLOWS`; ends with its stdin.
const path = require('node:path');
const { ApplicationFailure } = require('@temporalio/common');
const { NativeConnection, Worker } = require('@temporalio/worker');

const activities = {
  async reserve(item) { return `reserved ${item}`; },
  async charge(item, amount) {
    if (amount === 13) throw ApplicationFailure.nonRetryable('card declined');
    return `charged ${amount}`;
  },
  async release() {},
  async audit() {},
};

async function main([address, taskQueue, workflows]) {
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({ connection, taskQueue, activities, workflowsPath: path.resolve(workflows) });
  process.stdin.on('end', () => worker.shutdown()).resume();
  console.log('ready');
  await worker.run();
  process.exit(0);
}

void main(process.argv.slice(2));
