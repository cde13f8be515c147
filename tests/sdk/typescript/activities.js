'use strict';
// Activities of the scenarios. `trace` is the world they act on: what happened, in order, by key.

const { ApplicationFailure } = require('@temporalio/common');
const { Context, heartbeat, activityInfo, log, sleep } = require('@temporalio/activity');

/** @type {Map<string, string[]>} */
const trace = new Map();

function happened(key, what) {
  if (!trace.has(key)) trace.set(key, []);
  trace.get(key).push(what);
}

const step = (what, done) => async (key) => {
  happened(key, what);
  return `${done} ${key}`;
};

/** Fails twice with a retryable error for `slow`, for good for `broken`. */
async function ship(orderId, carrier) {
  happened(orderId, 'ship');
  if (carrier === 'broken') throw ApplicationFailure.nonRetryable('no carrier', 'NoCarrier');
  if (carrier === 'slow' && activityInfo().attempt < 3) throw ApplicationFailure.retryable('carrier is busy', 'Busy');
  return `shipped ${orderId}`;
}

/** Copies rows; the first attempt dies half-way, the second goes on from the heartbeat's details. */
async function copyRows(total) {
  const { attempt, heartbeatDetails } = activityInfo();
  const first = heartbeatDetails ?? 0;
  for (let row = first; row < total; row++) {
    heartbeat(row + 1);
    if (attempt === 1 && row + 1 === total / 2) throw ApplicationFailure.retryable('connection lost', 'ConnectionLost');
  }
  return { attempt, resumedAt: first, rows: total };
}

/** Heartbeats until the server says that a cancel was requested. */
async function hangUntilCancelled() {
  const beat = setInterval(() => heartbeat(), 100);
  try {
    await Context.current().cancelled;
  } finally {
    clearInterval(beat);
  }
}

/** The service behind it is down; a malformed request is refused for good. */
async function externalApiCall(request) {
  happened(request.key, `call ${activityInfo().attempt}`);
  if (request.malformed) throw ApplicationFailure.retryable('malformed request', 'ValidationError');
  throw ApplicationFailure.retryable('503', 'Unavailable');
}

/** Waits as long as told, unless the worker goes down first. */
async function slowStep(milliseconds) {
  await sleep(milliseconds);
  return 'slow step done';
}

async function monitoredActivity(name) {
  const started = Date.now();
  log.info('Activity started', { name });
  return { name, attempt: activityInfo().attempt, tookTime: Date.now() >= started };
}

module.exports = {
  trace,
  activities: {
    reserveInventory: step('reserve', 'reserved'),
    releaseInventory: step('release', 'released'),
    chargePayment: step('charge', 'charged'),
    refundPayment: step('refund', 'refunded'),
    ship,
    square: async (n) => n * n,
    copyRows,
    hangUntilCancelled,
    externalApiCall,
    slowStep,
    monitoredActivity,
    // Real estate
    validatePropertyDocuments: async (id, documents) => ({
      isValid: documents.every((d) => d.signed),
      errors: documents.filter((d) => !d.signed).map((d) => d.name),
    }),
    performBackgroundCheck: async (id) => `checked ${id}`,
    updateCrm: async (id, update) => happened(id, `crm ${update.status}`),
    notifyPropertyManager: async (id, what) => happened(id, `notify ${what}`),
    analyse: async (kind, id) => `${kind} of ${id}`,
    synthesizeReport: async (parts) => parts.join('; '),
    automatedScreening: async (id) => ({ autoReject: id.startsWith('bad-'), reason: 'no income' }),
    requestHumanReview: async (id) => happened(id, 'review requested'),
    reserveFunds: step('reserve funds', 'reserved'),
    releaseFunds: step('release funds', 'released'),
    holdProperty: step('hold property', 'held'),
    releaseProperty: async (id) => {
      happened(id, 'release property fails');
      throw ApplicationFailure.nonRetryable('registry is closed');
    },
    initiateTitleTransfer: step('transfer title', 'transferred'),
    cancelTitleTransfer: step('cancel transfer', 'cancelled'),
    finalizePurchase: async (id) => {
      throw ApplicationFailure.nonRetryable('bank refused', 'BankRefused');
    },
    getPortfolio: async () => ['house', 'flat', 'barn'],
    determineSteps: async () => ['survey', 'review', 'close'],
    processStep: async (name) => ({ name, requiresAdditionalReview: name === 'review' }),
    additionalSteps: async (result) => [`second ${result.name}`],
    fallbackSync: step('fallback', 'synced from cache'),
  },
};
