'use strict';
// Notes each command that workflow code makes, and the stack that makes it: an interceptor, bundled with the workflows, that
// passes everything on. What it notes leaves the workflow's isolate by way of a sink of the runner.

const { proxySinks } = require('@temporalio/workflow');

exports.interceptors = () => {
  const { wfctlReplay } = proxySinks();
  const note = (kind, name, id) => wfctlReplay.made(kind, name, id, new Error().stack ?? '');
  const outbound = {
    scheduleActivity(input, next) {
      note('SCHEDULE_ACTIVITY_TASK', input.activityType, '');
      return next(input);
    },
    scheduleLocalActivity(input, next) {
      note('LOCAL_ACTIVITY_MARKER', input.activityType, '');
      return next(input);
    },
    startTimer(input, next) {
      note('START_TIMER', `${input.durationMs / 1000}s`, '');
      return next(input);
    },
    startChildWorkflowExecution(input, next) {
      note('START_CHILD_WORKFLOW_EXECUTION', input.workflowType, input.options.workflowId ?? '');
      return next(input);
    },
    signalWorkflow(input, next) {
      note('SIGNAL_EXTERNAL_WORKFLOW_EXECUTION', input.signalName, '');
      return next(input);
    },
    continueAsNew(input, next) {
      note('CONTINUE_AS_NEW_WORKFLOW_EXECUTION', '', '');
      return next(input);
    },
  };
  return { inbound: [], internals: [], outbound: [outbound] };
};
