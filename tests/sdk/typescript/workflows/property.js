'use strict';
// A real-estate firm's workflows: sequence, parallel analysis, loan approval, purchase saga, composition,
// dynamic steps, a fallback behind a failing service, versions, monitoring, graceful shutdown.

const wf = require('@temporalio/workflow');

const acts = wf.proxyActivities({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '20ms', backoffCoefficient: 2, maximumAttempts: 3, nonRetryableErrorTypes: ['ValidationError'] },
});

async function propertyOnboarding(propertyId, documents) {
  const validation = await acts.validatePropertyDocuments(propertyId, documents);
  if (!validation.isValid) {
    throw wf.ApplicationFailure.nonRetryable(`Document validation failed: ${validation.errors}`, 'BadDocuments');
  }
  const backgroundCheck = await acts.performBackgroundCheck(propertyId);
  await acts.updateCrm(propertyId, { status: 'verified', backgroundCheck });
  await acts.notifyPropertyManager(propertyId, 'onboarding_complete');
  return { propertyId, status: 'completed', backgroundCheck };
}

async function propertyAnalysis(propertyId) {
  const parts = await Promise.all(['market', 'structure', 'finance'].map((kind) => acts.analyse(kind, propertyId)));
  return await acts.synthesizeReport(parts);
}

const approvalSignal = wf.defineSignal('approval');

async function loanApproval(applicationId) {
  let answer;
  wf.setHandler(approvalSignal, (given) => {
    answer = given;
  });
  const screening = await acts.automatedScreening(applicationId);
  if (screening.autoReject) return { decision: 'rejected', reason: screening.reason };
  await acts.requestHumanReview(applicationId);
  await wf.condition(() => answer !== undefined);
  return { decision: answer.approved ? 'approved' : 'rejected', comments: answer.comments };
}

/** All compensations run, even when one of them fails. */
async function propertyPurchase(id) {
  const compensations = [];
  try {
    await acts.reserveFunds(id);
    compensations.push(() => acts.releaseFunds(id));
    await acts.holdProperty(id);
    compensations.push(() => acts.releaseProperty(id));
    await acts.initiateTitleTransfer(id);
    compensations.push(() => acts.cancelTitleTransfer(id));
    return await acts.finalizePurchase(id);
  } catch (failure) {
    for (const compensate of compensations.reverse()) {
      try {
        await compensate();
      } catch (compensationFailure) {
        wf.log.warn('Compensation failed', { compensationFailure });
      }
    }
    throw failure;
  }
}

async function portfolioAnalysis(portfolioId) {
  const reports = [];
  for (const propertyId of await acts.getPortfolio(portfolioId)) {
    reports.push(
      await wf.executeChild(propertyAnalysis, { args: [propertyId], workflowId: `${portfolioId}/analysis-${propertyId}` }),
    );
  }
  return await acts.synthesizeReport(reports);
}

/** Results decide which steps follow. */
async function dynamicProcessing(propertyId) {
  const steps = await acts.determineSteps(propertyId);
  const completed = [];
  for (const name of steps) {
    const result = await acts.processStep(name);
    completed.push(name);
    if (result.requiresAdditionalReview) steps.push(...(await acts.additionalSteps(result)));
  }
  return completed;
}

/** Retries, then opens the breaker and falls back; a request that is wrong is not retried. */
async function resilientDataSync(request) {
  try {
    return await acts.externalApiCall(request);
  } catch (failure) {
    if (failure.cause?.type === 'ValidationError') throw failure;
    return await acts.fallbackSync(request.key);
  }
}

async function evolvingProperty(propertyId) {
  let result = await acts.analyse('basic', propertyId);
  if (wf.patched('enhanced-validation')) result += `, ${await acts.analyse('enhanced', propertyId)}`;
  if (wf.patched('ml-analysis')) result += `, ${await acts.analyse('ml', propertyId)}`;
  wf.deprecatePatch('long-gone');
  return result;
}

async function monitored(name) {
  return await acts.monitoredActivity(name);
}

async function slow(milliseconds) {
  return await acts.slowStep(milliseconds);
}

module.exports = {
  propertyOnboarding,
  propertyAnalysis,
  loanApproval,
  propertyPurchase,
  portfolioAnalysis,
  dynamicProcessing,
  resilientDataSync,
  evolvingProperty,
  monitored,
  slow,
};
