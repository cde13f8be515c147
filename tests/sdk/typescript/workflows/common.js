'use strict';
// The same seven workflows in Python, TypeScript and Go.

const wf = require('@temporalio/workflow');

const quick = wf.proxyActivities({
  startToCloseTimeout: '10s',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '50ms', backoffCoefficient: 1, maximumAttempts: 5 },
});
const patient = wf.proxyActivities({ startToCloseTimeout: '60s' });
const stoppable = wf.proxyActivities({
  startToCloseTimeout: '60s',
  heartbeatTimeout: '5s',
  cancellationType: wf.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/** Reserve, charge, ship; what was done is undone in reverse order when a later step fails for good. */
async function orderSaga(orderId, carrier) {
  const done = [];
  const compensations = [];
  try {
    compensations.unshift(quick.releaseInventory);
    done.push(await quick.reserveInventory(orderId));
    compensations.unshift(quick.refundPayment);
    done.push(await quick.chargePayment(orderId));
    done.push(await quick.ship(orderId, carrier));
  } catch (failure) {
    for (const undo of compensations) done.push(await undo(orderId));
    throw wf.ApplicationFailure.create({ message: 'order cancelled', type: 'OrderCancelled', details: [done], cause: failure });
  }
  return done;
}

const decide = wf.defineSignal('decide');
const status = wf.defineQuery('status');

/** Waits for a person, but not for ever. */
async function approval(timeoutMilliseconds) {
  let decision;
  wf.setHandler(decide, (what, by) => {
    decision = { what, by };
  });
  wf.setHandler(status, () => decision?.what ?? 'waiting');
  if (!(await wf.condition(() => decision !== undefined, timeoutMilliseconds))) return 'timed out';
  return `${decision.what} by ${decision.by}`;
}

async function child(number) {
  if (number < 0) throw wf.ApplicationFailure.nonRetryable('negative', 'Negative');
  return await quick.square(number);
}

/** Sums its children's squares; a failing child is counted, not fatal. */
async function parent(numbers) {
  const { workflowId } = wf.workflowInfo();
  const results = await Promise.allSettled(
    numbers.map((n, i) => wf.executeChild(child, { args: [n], workflowId: `${workflowId}/child-${i}` })),
  );
  const squares = results.filter((r) => r.status === 'fulfilled').map((r) => r.value);
  return { sum: squares.reduce((a, b) => a + b, 0), failed: results.length - squares.length };
}

async function fanOut(count) {
  const squares = await Promise.all(Array.from({ length: count }, (_, n) => patient.square(n)));
  return squares.reduce((a, b) => a + b, 0);
}

async function heartbeatResume(rows) {
  return await quick.copyRows(rows);
}

const add = wf.defineUpdate('add');
const close = wf.defineSignal('close');
const current = wf.defineQuery('current');

/** Updated from outside; a validator guards it. */
async function counter() {
  let value = 0;
  let closed = false;
  wf.setHandler(
    add,
    async (amount) => {
      value += await quick.square(amount);
      return value;
    },
    {
      validator: (amount) => {
        if (amount <= 0) throw wf.ApplicationFailure.create({ message: `not positive: ${amount}`, type: 'BadAmount' });
      },
    },
  );
  wf.setHandler(close, () => {
    closed = true;
  });
  wf.setHandler(current, () => value);
  await wf.condition(() => closed && wf.allHandlersFinished());
  return value;
}

/** One link a run: counts down by continuing as new. */
async function chain(linksLeft, total) {
  total += await quick.square(linksLeft);
  if (linksLeft > 1) await wf.continueAsNew(linksLeft - 1, total);
  return total;
}

/** Its activity is cancelled with it; what must happen afterwards happens in a scope of its own. */
async function cancellable(key) {
  try {
    await stoppable.hangUntilCancelled();
  } catch (failure) {
    if (!wf.isCancellation(failure)) throw failure;
    return await wf.CancellationScope.nonCancellable(() => quick.releaseInventory(key));
  }
}

module.exports = { orderSaga, approval, child, parent, fanOut, heartbeatResume, counter, chain, cancellable };
