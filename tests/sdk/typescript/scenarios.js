'use strict';
// The scenarios: each drives workflows through a client and checks what a user would see.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { Client, Connection, WithStartWorkflowOperation, WorkflowFailedError, WorkflowUpdateFailedError } = require('@temporalio/client');
const { Worker } = require('@temporalio/worker');
const { temporal } = require('@temporalio/proto');
const { trace } = require('./activities');

const newId = (name) => `${name}-${randomUUID()}`;

async function eventTypes(handle) {
  const { events } = await handle.fetchHistory();
  assert.deepEqual(events.map((e) => Number(e.eventId)), events.map((_, i) => i + 1));
  return events.map((e) => temporal.api.enums.v1.EventType[e.eventType].replace('EVENT_TYPE_', ''));
}

const count = (types, type) => types.filter((t) => t === type).length;

async function failureOf(promise) {
  try {
    await promise;
  } catch (failure) {
    return failure;
  }
  throw new assert.AssertionError({ message: 'nothing failed' });
}

// ---- the seven of every SDK

async function order_saga_ships(run) {
  const id = newId('order');
  const handle = await run.start('orderSaga', [id, 'slow'], id);
  assert.deepEqual(await handle.result(), [`reserved ${id}`, `charged ${id}`, `shipped ${id}`]);
  assert.deepEqual(trace.get(id), ['reserve', 'charge', 'ship', 'ship', 'ship']);
}

async function order_saga_compensates(run) {
  const id = newId('order');
  const handle = await run.start('orderSaga', [id, 'broken'], id);
  const failure = await failureOf(handle.result());
  assert.ok(failure instanceof WorkflowFailedError, String(failure));
  assert.equal(failure.cause.type, 'OrderCancelled');
  assert.equal(failure.cause.cause.name, 'ActivityFailure');
  assert.deepEqual(trace.get(id), ['reserve', 'charge', 'ship', 'refund', 'release']);
}

async function approval_by_signal(run) {
  const handle = await run.start('approval', [60_000]);
  assert.equal(await handle.query('status'), 'waiting');
  await handle.signal('decide', 'approved', 'ada');
  assert.equal(await handle.query('status'), 'approved');
  assert.equal(await handle.result(), 'approved by ada');
  assert.equal(await handle.query('status'), 'approved');
  assert.equal(count(await eventTypes(handle), 'TIMER_CANCELED'), 1);
}

async function approval_times_out(run) {
  const handle = await run.start('approval', [200]);
  assert.equal(await handle.result(), 'timed out');
  assert.equal(count(await eventTypes(handle), 'TIMER_FIRED'), 1);
}

async function child_workflows(run) {
  const handle = await run.start('parent', [[1, 2, -3, 4]]);
  assert.deepEqual(await handle.result(), { sum: 21, failed: 1 });
  const types = await eventTypes(handle);
  assert.equal(count(types, 'CHILD_WORKFLOW_EXECUTION_COMPLETED'), 3);
  assert.equal(count(types, 'CHILD_WORKFLOW_EXECUTION_FAILED'), 1);
}

async function fan_out(run) {
  const handle = await run.start('fanOut', [60]);
  assert.equal(await handle.result(), 70210);
  assert.equal(count(await eventTypes(handle), 'ACTIVITY_TASK_COMPLETED'), 60);
}

async function heartbeat_resume(run) {
  const handle = await run.start('heartbeatResume', [10]);
  const result = await handle.result();
  assert.deepEqual(result, { attempt: 2, resumedAt: 5, rows: 10 });
  return result;
}

async function update_validated(run) {
  const handle = await run.start('counter', []);
  const rejection = await failureOf(handle.executeUpdate('add', { args: [-1] }));
  assert.ok(rejection instanceof WorkflowUpdateFailedError, String(rejection));
  assert.equal(rejection.cause.type, 'BadAmount');
  assert.equal(await handle.executeUpdate('add', { args: [2] }), 4);
  const accepted = await handle.startUpdate('add', { args: [3], updateId: 'three', waitForStage: 'ACCEPTED' });
  assert.equal(await accepted.result(), 13);
  assert.equal(await handle.executeUpdate('add', { args: [3], updateId: 'three' }), 13);
  assert.equal(await handle.query('current'), 13);
  await handle.signal('close');
  assert.equal(await handle.result(), 13);
  const types = await eventTypes(handle);
  assert.equal(count(types, 'WORKFLOW_EXECUTION_UPDATE_ACCEPTED'), 2);
  assert.equal(count(types, 'WORKFLOW_EXECUTION_UPDATE_COMPLETED'), 2);
}

async function continue_as_new_chain(run) {
  const handle = await run.start('chain', [3, 0]);
  assert.equal(await handle.result(), 14);
  const first = await eventTypes(run.client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId));
  assert.equal(first.at(-1), 'WORKFLOW_EXECUTION_CONTINUED_AS_NEW');
}

async function update_with_start(run) {
  const workflowId = newId('counter');
  const results = [];
  for (let i = 0; i < 2; i++) {
    const startWorkflowOperation = new WithStartWorkflowOperation('counter', {
      workflowId,
      taskQueue: run.taskQueue,
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    results.push(await run.client.workflow.executeUpdateWithStart('add', { args: [1], startWorkflowOperation }));
  }
  assert.deepEqual(results, [1, 2]);
  await run.client.workflow.getHandle(workflowId).signal('close');
}

async function signal_with_start(run) {
  const workflowId = newId('approval');
  const handle = await run.client.workflow.signalWithStart('approval', {
    workflowId, taskQueue: run.taskQueue, args: [60_000], signal: 'decide', signalArgs: ['approved', 'starter'],
  });
  assert.equal(await handle.result(), 'approved by starter');
}

async function cancel_reaches_the_activity(run) {
  const key = newId('cancellable');
  const handle = await run.start('cancellable', [key], key);
  await run.until(async () => (await handle.describe()).raw.pendingActivities.length === 1);
  await handle.cancel();
  assert.equal(await handle.result(), `released ${key}`);
}

// ---- a real-estate firm

async function property_onboarding(run) {
  const id = newId('property');
  const handle = await run.start('propertyOnboarding', [id, [{ name: 'deed', signed: true }]]);
  assert.deepEqual(await handle.result(), { propertyId: id, status: 'completed', backgroundCheck: `checked ${id}` });
  assert.deepEqual(trace.get(id), ['crm verified', 'notify onboarding_complete']);
}

async function property_onboarding_refused(run) {
  const handle = await run.start('propertyOnboarding', ['x', [{ name: 'deed', signed: false }]]);
  const failure = await failureOf(handle.result());
  assert.match(failure.cause.message, /Document validation failed: deed/);
}

async function property_analysis(run) {
  const handle = await run.start('propertyAnalysis', ['villa']);
  assert.equal(await handle.result(), 'market of villa; structure of villa; finance of villa');
}

async function loan_approval(run) {
  const id = newId('application');
  const handle = await run.start('loanApproval', [id]);
  await run.until(() => trace.get(id)?.includes('review requested'));
  await handle.signal('approval', { approved: true, comments: 'solid' });
  assert.deepEqual(await handle.result(), { decision: 'approved', comments: 'solid' });
}

async function loan_rejected_at_once(run) {
  const handle = await run.start('loanApproval', [newId('bad')]);
  assert.deepEqual(await handle.result(), { decision: 'rejected', reason: 'no income' });
}

async function property_purchase_saga(run) {
  const id = newId('purchase');
  const handle = await run.start('propertyPurchase', [id]);
  const failure = await failureOf(handle.result());
  assert.equal(failure.cause.cause.type, 'BankRefused');
  assert.deepEqual(trace.get(id), [
    'reserve funds', 'hold property', 'transfer title', 'cancel transfer', 'release property fails', 'release funds',
  ]);
}

async function portfolio_of_children(run) {
  const handle = await run.start('portfolioAnalysis', [newId('portfolio')]);
  assert.match(await handle.result(), /market of house.*structure of flat.*finance of barn/);
}

async function dynamic_steps(run) {
  const handle = await run.start('dynamicProcessing', ['villa']);
  assert.deepEqual(await handle.result(), ['survey', 'review', 'close', 'second review']);
}

async function fallback_after_retries(run) {
  const key = newId('sync');
  const handle = await run.start('resilientDataSync', [{ key }]);
  assert.equal(await handle.result(), `synced from cache ${key}`);
  assert.deepEqual(trace.get(key), ['call 1', 'call 2', 'call 3', 'fallback']);
}

async function validation_error_is_not_retried(run) {
  const key = newId('sync');
  const handle = await run.start('resilientDataSync', [{ key, malformed: true }]);
  const failure = await failureOf(handle.result());
  assert.equal(failure.cause.cause.type, 'ValidationError');
  assert.deepEqual(trace.get(key), ['call 1']);
}

async function versioned_with_patches(run) {
  const handle = await run.start('evolvingProperty', ['villa']);
  assert.equal(await handle.result(), 'basic of villa, enhanced of villa, ml of villa');
  assert.equal(count(await eventTypes(handle), 'MARKER_RECORDED'), 3);
}

async function monitored_activity(run) {
  const handle = await run.start('monitored', ['report']);
  assert.deepEqual(await handle.result(), { name: 'report', attempt: 1, tookTime: true });
}

/** A worker that shuts down gracefully finishes its activity; another worker takes the workflow on. */
async function graceful_shutdown(run) {
  const taskQueue = newId('shutdown');
  const first = await run.worker({ taskQueue, shutdownGraceTime: '20s' });
  const firstEnded = first.run();
  const handle = await run.client.workflow.start('slow', { workflowId: newId('slow'), taskQueue, args: [500] });
  await run.until(async () => (await handle.describe()).raw.pendingActivities.some((a) => a.attempt === 1 && a.lastStartedTime));
  first.shutdown();
  await firstEnded;
  const second = await run.worker({ taskQueue });
  await second.runUntil(async () => assert.equal(await handle.result(), 'slow step done'));
  assert.equal(count(await eventTypes(handle), 'ACTIVITY_TASK_STARTED'), 1);
}

async function namespaces_isolate(run) {
  const namespace = newId('proptech');
  await run.client.workflowService.registerNamespace({
    namespace, workflowExecutionRetentionPeriod: { seconds: 3 * 86400 },
  });
  const there = new Client({ connection: run.client.connection, namespace });
  await run.until(() => there.workflow.count().then(() => true, (error) => {
    if (error.code !== 5 && error.cause?.code !== 5) throw error;
    return false;
  }));
  const workflowId = newId('shared');
  const here = await run.start('approval', [60_000], workflowId);
  const worker = await run.worker({ taskQueue: run.taskQueue, namespace });
  await worker.runUntil(async () => {
    const other = await there.workflow.start('approval', { workflowId, taskQueue: run.taskQueue, args: [60_000] });
    await other.signal('decide', 'rejected', 'bob');
    assert.equal(await other.result(), 'rejected by bob');
  });
  assert.equal(await here.query('status'), 'waiting');
  await here.signal('decide', 'approved', 'ada');
  assert.equal(await here.result(), 'approved by ada');
}

/** Last: everything that ran before replays without nondeterminism. */
async function histories_replay(run) {
  async function* histories() {
    for (const handle of run.handles) yield { workflowId: handle.workflowId, history: await handle.fetchHistory() };
  }
  let replayed = 0;
  for await (const { error } of Worker.runReplayHistories({ workflowBundle: run.workflowBundle }, histories())) {
    if (error) throw error;
    replayed++;
  }
  return replayed;
}

module.exports = {
  newId,
  Connection,
  scenarios: [
    order_saga_ships, order_saga_compensates, approval_by_signal, approval_times_out, child_workflows, fan_out,
    heartbeat_resume, update_validated, continue_as_new_chain, update_with_start, signal_with_start,
    cancel_reaches_the_activity, property_onboarding, property_onboarding_refused, property_analysis, loan_approval,
    loan_rejected_at_once, property_purchase_saga, portfolio_of_children, dynamic_steps, fallback_after_retries,
    validation_error_is_not_retried, versioned_with_patches, monitored_activity, graceful_shutdown, namespaces_isolate,
    histories_replay,
  ],
};
