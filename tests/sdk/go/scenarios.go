package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"
)

const pollInterval = 20 * time.Millisecond

// Run is what a scenario needs: a client, a task queue that a worker polls, ids nobody used before.
type Run struct {
	client  client.Client
	address string
	queue   string
	started []client.WorkflowRun
}

func newID(name string) string { return name + "-" + uuid.NewString() }

func (r *Run) start(ctx context.Context, id string, workflow any, arguments ...any) (client.WorkflowRun, error) {
	run, err := r.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: r.queue}, workflow, arguments...)
	if err == nil {
		r.started = append(r.started, run)
	}
	return run, err
}

func (r *Run) query(ctx context.Context, id, name string, into any) error {
	value, err := r.client.QueryWorkflow(ctx, id, "", name)
	if err != nil {
		return err
	}
	return value.Get(into)
}

// until asks again and again; the scenario's context ends it.
func until(ctx context.Context, condition func() (bool, error)) error {
	for {
		if met, err := condition(); met || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollInterval):
		}
	}
}

func (r *Run) history(ctx context.Context, id, runID string) (*historypb.History, error) {
	history := &historypb.History{}
	events := r.client.GetWorkflowHistory(ctx, id, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, err
		}
		history.Events = append(history.Events, event)
		if event.EventId != int64(len(history.Events)) {
			return nil, fmt.Errorf("event %d is at position %d", event.EventId, len(history.Events))
		}
	}
	return history, nil
}

func (r *Run) countEvents(ctx context.Context, id string, wanted enumspb.EventType) (int, error) {
	history, err := r.history(ctx, id, "")
	count := 0
	for _, event := range history.GetEvents() {
		if event.EventType == wanted {
			count++
		}
	}
	return count, err
}

func equal(actual, expected any) error {
	if !reflect.DeepEqual(actual, expected) {
		return fmt.Errorf("expected %v, got %v", expected, actual)
	}
	return nil
}

// ---- the seven of every SDK

func orderSagaShips(ctx context.Context, r *Run) (any, error) {
	id := newID("order")
	run, err := r.start(ctx, id, OrderSaga, id, "slow")
	if err != nil {
		return nil, err
	}
	var done []string
	if err := run.Get(ctx, &done); err != nil {
		return nil, err
	}
	if err := equal(done, []string{"reserved " + id, "charged " + id, "shipped " + id}); err != nil {
		return nil, err
	}
	return world.Of(id), equal(world.Of(id), "reserve charge ship ship ship")
}

func orderSagaCompensates(ctx context.Context, r *Run) (any, error) {
	id := newID("order")
	run, err := r.start(ctx, id, OrderSaga, id, "broken")
	if err != nil {
		return nil, err
	}
	failure := run.Get(ctx, nil)
	var application *temporal.ApplicationError
	if !errors.As(failure, &application) {
		return nil, fmt.Errorf("not an application error: %w", failure)
	}
	if err := equal(application.Type(), "OrderCancelled"); err != nil {
		return nil, err
	}
	var activityError *temporal.ActivityError
	if !errors.As(application.Unwrap(), &activityError) {
		return nil, fmt.Errorf("the cause is not an activity error: %w", failure)
	}
	return world.Of(id), equal(world.Of(id), "reserve charge ship refund release")
}

func approvalBySignal(ctx context.Context, r *Run) (any, error) {
	id := newID("approval")
	run, err := r.start(ctx, id, Approval, time.Minute)
	if err != nil {
		return nil, err
	}
	var status, result string
	if err := r.query(ctx, id, "status", &status); err != nil {
		return nil, err
	}
	if err := equal(status, "waiting"); err != nil {
		return nil, err
	}
	if err := r.client.SignalWorkflow(ctx, id, "", "decide", Decision{What: "approved", By: "ada"}); err != nil {
		return nil, err
	}
	if err := run.Get(ctx, &result); err != nil {
		return nil, err
	}
	if err := equal(result, "approved by ada"); err != nil {
		return nil, err
	}
	if err := r.query(ctx, id, "status", &status); err != nil {
		return nil, err
	}
	if err := equal(status, "approved"); err != nil {
		return nil, err
	}
	cancelled, err := r.countEvents(ctx, id, enumspb.EVENT_TYPE_TIMER_CANCELED)
	return result, errors.Join(err, equal(cancelled, 1))
}

func approvalTimesOut(ctx context.Context, r *Run) (any, error) {
	id := newID("approval")
	run, err := r.start(ctx, id, Approval, 200*time.Millisecond)
	if err != nil {
		return nil, err
	}
	var result string
	if err := run.Get(ctx, &result); err != nil {
		return nil, err
	}
	fired, err := r.countEvents(ctx, id, enumspb.EVENT_TYPE_TIMER_FIRED)
	return result, errors.Join(err, equal(fired, 1), equal(result, "timed out"))
}

func childWorkflows(ctx context.Context, r *Run) (any, error) {
	id := newID("parent")
	run, err := r.start(ctx, id, Parent, []int{1, 2, -3, 4})
	if err != nil {
		return nil, err
	}
	var family Family
	if err := run.Get(ctx, &family); err != nil {
		return nil, err
	}
	failed, err := r.countEvents(ctx, id, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED)
	return family, errors.Join(err, equal(failed, 1), equal(family, Family{Sum: 21, Failed: 1}))
}

func fanOut(ctx context.Context, r *Run) (any, error) {
	id := newID("fan-out")
	run, err := r.start(ctx, id, FanOut, 60)
	if err != nil {
		return nil, err
	}
	var sum int
	if err := run.Get(ctx, &sum); err != nil {
		return nil, err
	}
	completed, err := r.countEvents(ctx, id, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
	return sum, errors.Join(err, equal(completed, 60), equal(sum, 70210))
}

func heartbeatResume(ctx context.Context, r *Run) (any, error) {
	run, err := r.start(ctx, newID("heartbeat"), HeartbeatResume, 10)
	if err != nil {
		return nil, err
	}
	var copied Copied
	if err := run.Get(ctx, &copied); err != nil {
		return nil, err
	}
	return copied, equal(copied, Copied{Attempt: 2, ResumedAt: 5, Rows: 10})
}

func (r *Run) add(ctx context.Context, id, updateID string, amount int, stage client.WorkflowUpdateStage) (int, error) {
	handle, err := r.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateID: updateID, UpdateName: "add", Args: []any{amount}, WaitForStage: stage,
	})
	if err != nil {
		return 0, err
	}
	value := 0
	err = handle.Get(ctx, &value)
	return value, err
}

func updateValidated(ctx context.Context, r *Run) (any, error) {
	id := newID("counter")
	run, err := r.start(ctx, id, Counter)
	if err != nil {
		return nil, err
	}
	_, rejection := r.add(ctx, id, "", -1, client.WorkflowUpdateStageCompleted)
	var application *temporal.ApplicationError
	if !errors.As(rejection, &application) || application.Type() != "BadAmount" {
		return nil, fmt.Errorf("not rejected by the validator: %w", rejection)
	}
	updates := []struct {
		id               string
		amount, expected int
		stage            client.WorkflowUpdateStage
	}{
		{"", 2, 4, client.WorkflowUpdateStageCompleted},
		{"three", 3, 13, client.WorkflowUpdateStageAccepted},
		{"three", 3, 13, client.WorkflowUpdateStageCompleted},
	}
	for _, update := range updates {
		value, err := r.add(ctx, id, update.id, update.amount, update.stage)
		if err := errors.Join(err, equal(value, update.expected)); err != nil {
			return nil, err
		}
	}
	var current int
	if err := r.query(ctx, id, "current", &current); err != nil {
		return nil, err
	}
	if err := r.client.SignalWorkflow(ctx, id, "", "close", nil); err != nil {
		return nil, err
	}
	var result int
	if err := run.Get(ctx, &result); err != nil {
		return nil, err
	}
	accepted, err := r.countEvents(ctx, id, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
	return result, errors.Join(err, equal(accepted, 2), equal(current, 13), equal(result, 13))
}

func continueAsNewChain(ctx context.Context, r *Run) (any, error) {
	id := newID("chain")
	run, err := r.start(ctx, id, Chain, 3, 0)
	if err != nil {
		return nil, err
	}
	firstRun := run.GetRunID()
	var total int
	if err := run.Get(ctx, &total); err != nil {
		return nil, err
	}
	first, err := r.history(ctx, id, firstRun)
	if err != nil {
		return nil, err
	}
	last := first.Events[len(first.Events)-1]
	return total, errors.Join(equal(total, 14), equal(last.EventType, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW))
}

func updateWithStart(ctx context.Context, r *Run) (any, error) {
	id := newID("counter")
	for expected := 1; expected <= 2; expected++ {
		handle, err := r.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: r.client.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
				ID: id, TaskQueue: r.queue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			}, Counter),
			UpdateOptions: client.UpdateWorkflowOptions{
				UpdateName: "add", Args: []any{1}, WaitForStage: client.WorkflowUpdateStageCompleted,
			},
		})
		if err != nil {
			return nil, err
		}
		var value int
		if err := errors.Join(handle.Get(ctx, &value), equal(value, expected)); err != nil {
			return nil, err
		}
	}
	return id, r.client.SignalWorkflow(ctx, id, "", "close", nil)
}

func signalWithStart(ctx context.Context, r *Run) (any, error) {
	options := client.StartWorkflowOptions{TaskQueue: r.queue}
	decision := Decision{What: "approved", By: "starter"}
	run, err := r.client.SignalWithStartWorkflow(ctx, newID("approval"), "decide", decision, options, Approval, time.Minute)
	if err != nil {
		return nil, err
	}
	var result string
	err = run.Get(ctx, &result)
	return result, errors.Join(err, equal(result, "approved by starter"))
}

func cancelReachesTheActivity(ctx context.Context, r *Run) (any, error) {
	id := newID("cancellable")
	run, err := r.start(ctx, id, Cancellable, id)
	if err != nil {
		return nil, err
	}
	if _, err := r.pendingActivity(ctx, id, 1); err != nil {
		return nil, err
	}
	if err := r.client.CancelWorkflow(ctx, id, ""); err != nil {
		return nil, err
	}
	var result string
	err = run.Get(ctx, &result)
	return result, errors.Join(err, equal(result, "released "+id))
}

// pendingActivity waits until the workflow's activity is at that attempt and returns the message of its last failure.
func (r *Run) pendingActivity(ctx context.Context, id string, attempt int32) (string, error) {
	message := ""
	err := until(ctx, func() (bool, error) {
		described, err := r.client.DescribeWorkflowExecution(ctx, id, "")
		if err != nil || len(described.PendingActivities) == 0 {
			return false, err
		}
		message = described.PendingActivities[0].GetLastFailure().GetMessage()
		return described.PendingActivities[0].Attempt >= attempt, nil
	})
	return message, err
}

// ---- a bank

func loanApplications(ctx context.Context, r *Run) (any, error) {
	cases := map[Applicant]LoanDecision{
		{Name: "ada", Score: 720}: {Approved: true, Reason: "rules passed for ada"},
		{Name: "bob", Score: 640}: {Reason: "Credit score below threshold"},
	}
	for applicant, expected := range cases {
		id := newID("loan")
		run, err := r.start(ctx, id, LoanApplication, applicant, id)
		if err != nil {
			return nil, err
		}
		var decision LoanDecision
		if err := errors.Join(run.Get(ctx, &decision), equal(decision, expected)); err != nil {
			return nil, err
		}
		if err := equal(world.Of(id) == "mail letter", expected.Approved); err != nil {
			return nil, err
		}
	}
	run, err := r.start(ctx, newID("loan"), LoanApplication, Applicant{Name: "impostor"}, "nobody")
	if err != nil {
		return nil, err
	}
	failure := run.Get(ctx, nil)
	var application *temporal.ApplicationError
	if !errors.As(failure, &application) || application.Type() != "IdentityError" {
		return nil, fmt.Errorf("an impostor was not refused: %w", failure)
	}
	return "decided", nil
}

func loanServicedAcrossRuns(ctx context.Context, r *Run) (any, error) {
	id := newID("mortgage")
	run, err := r.start(ctx, id, LoanServicing, 100, 0)
	if err != nil {
		return nil, err
	}
	for paid := 1; paid <= 10; paid++ {
		if err := r.client.SignalWorkflow(ctx, id, "", "payment", 10); err != nil {
			return nil, err
		}
		var balance int
		err := until(ctx, func() (bool, error) {
			err := r.query(ctx, id, "balance", &balance)
			return balance == 100-10*paid, err
		})
		if err != nil {
			return nil, fmt.Errorf("balance %d after %d payments: %w", balance, paid, err)
		}
	}
	var missed int
	if err := run.Get(ctx, &missed); err != nil {
		return nil, err
	}
	runs, err := r.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowId = '%s'", id),
	})
	return runs.GetCount(), errors.Join(err, equal(missed, 0), equal(runs.GetCount() >= 3, true))
}

func pendingRetriesAreVisible(ctx context.Context, r *Run) (any, error) {
	id := newID("documents")
	if _, err := r.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: r.queue}, DocumentProcessing); err != nil {
		return nil, err
	}
	message, err := r.pendingActivity(ctx, id, 3)
	if err := errors.Join(err, equal(message, "503 from the document service")); err != nil {
		return nil, err
	}
	return message, r.client.TerminateWorkflow(ctx, id, "", "seen enough")
}

func versionsAndSideEffects(ctx context.Context, r *Run) (any, error) {
	id := newID("changed")
	run, err := r.start(ctx, id, Changed)
	if err != nil {
		return nil, err
	}
	var result int
	if err := run.Get(ctx, &result); err != nil {
		return nil, err
	}
	markers, err := r.countEvents(ctx, id, enumspb.EVENT_TYPE_MARKER_RECORDED)
	return result, errors.Join(err, equal(markers, 2), equal(result, 14))
}

// resetRunsAgain: state recovery, from the end of the first workflow task.
func resetRunsAgain(ctx context.Context, r *Run) (any, error) {
	id := newID("order")
	run, err := r.start(ctx, id, OrderSaga, id, "slow")
	if err != nil {
		return nil, err
	}
	if err := run.Get(ctx, nil); err != nil {
		return nil, err
	}
	_, err = r.client.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 "default",
		WorkflowExecution:         &commonpb.WorkflowExecution{WorkflowId: id, RunId: run.GetRunID()},
		Reason:                    "ship again",
		WorkflowTaskFinishEventId: 4,
		RequestId:                 uuid.NewString(),
	})
	if err != nil {
		return nil, err
	}
	var done []string
	if err := r.client.GetWorkflow(ctx, id, "").Get(ctx, &done); err != nil {
		return nil, err
	}
	return world.Of(id), equal(strings.Count(world.Of(id), "reserve"), 2)
}

// rot stands for an encrypting codec: what the server stores is unreadable to it.
type rot struct{}

func (rot) flip(payloads []*commonpb.Payload, turn func(*commonpb.Payload) (*commonpb.Payload, error)) ([]*commonpb.Payload, error) {
	var turned []*commonpb.Payload
	for _, payload := range payloads {
		other, err := turn(payload)
		if err != nil {
			return nil, err
		}
		turned = append(turned, other)
	}
	return turned, nil
}

func xor(data []byte) []byte {
	flipped := make([]byte, len(data))
	for i, b := range data {
		flipped[i] = b ^ 0x5A
	}
	return flipped
}

func (c rot) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return c.flip(payloads, func(p *commonpb.Payload) (*commonpb.Payload, error) {
		data, err := p.Marshal()
		return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/rot")}, Data: xor(data)}, err
	})
}

func (c rot) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return c.flip(payloads, func(p *commonpb.Payload) (*commonpb.Payload, error) {
		decoded := &commonpb.Payload{}
		return decoded, decoded.Unmarshal(xor(p.Data))
	})
}

func encryptedPayloads(ctx context.Context, r *Run) (any, error) {
	encrypted, err := client.NewClientFromExisting(r.client, client.Options{
		Logger:        quiet,
		DataConverter: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), rot{}),
	})
	if err != nil {
		return nil, err
	}
	defer encrypted.Close()
	queue := newID("encrypted")
	encryptedWorker := newWorker(encrypted, queue)
	if err := encryptedWorker.Start(); err != nil {
		return nil, err
	}
	defer encryptedWorker.Stop()
	run, err := encrypted.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: queue}, Parent, []int{1, 2, 3})
	if err != nil {
		return nil, err
	}
	var family Family
	err = run.Get(ctx, &family)
	return family, errors.Join(err, equal(family, Family{Sum: 14}))
}

func namespacesIsolate(ctx context.Context, r *Run) (any, error) {
	namespace := newID("tenant")
	_, err := r.client.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(72 * time.Hour),
	})
	if err != nil {
		return nil, err
	}
	there, err := client.NewClientFromExisting(r.client, client.Options{Namespace: namespace, Logger: quiet})
	if err != nil {
		return nil, err
	}
	defer there.Close()
	err = until(ctx, func() (bool, error) {
		_, err := there.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{})
		var unknown *serviceerror.NamespaceNotFound
		if errors.As(err, &unknown) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	id := newID("shared")
	here, err := r.start(ctx, id, Approval, time.Minute)
	if err != nil {
		return nil, err
	}
	if err := r.decideThere(ctx, there, id); err != nil {
		return nil, err
	}
	var status string
	if err := errors.Join(r.query(ctx, id, "status", &status), equal(status, "waiting")); err != nil {
		return nil, err
	}
	if err := r.client.SignalWorkflow(ctx, id, "", "decide", Decision{What: "approved", By: "ada"}); err != nil {
		return nil, err
	}
	return namespace, here.Get(ctx, nil)
}

// decideThere runs a workflow with an id that is in use, in another namespace.
func (r *Run) decideThere(ctx context.Context, there client.Client, id string) error {
	otherWorker := newWorker(there, r.queue)
	if err := otherWorker.Start(); err != nil {
		return err
	}
	defer otherWorker.Stop()
	run, err := there.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: r.queue}, Approval, time.Minute)
	if err != nil {
		return err
	}
	if err := there.SignalWorkflow(ctx, id, "", "decide", Decision{What: "rejected", By: "bob"}); err != nil {
		return err
	}
	var result string
	return errors.Join(run.Get(ctx, &result), equal(result, "rejected by bob"))
}

// workerRestartResumes: the first worker stops while the workflow waits; the next one rebuilds it by replay.
func workerRestartResumes(ctx context.Context, r *Run) (any, error) {
	queue := newID("restart")
	first := newWorker(r.client, queue)
	if err := first.Start(); err != nil {
		return nil, err
	}
	id := newID("restart")
	run, err := r.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue}, Approval, time.Minute)
	if err != nil {
		return nil, err
	}
	var status string
	err = r.query(ctx, id, "status", &status)
	first.Stop()
	worker.PurgeStickyWorkflowCache()
	if err := errors.Join(err, equal(status, "waiting")); err != nil {
		return nil, err
	}
	if err := r.client.SignalWorkflow(ctx, id, "", "decide", Decision{What: "approved", By: "nobody"}); err != nil {
		return nil, err
	}
	second := newWorker(r.client, queue)
	if err := second.Start(); err != nil {
		return nil, err
	}
	defer second.Stop()
	var result string
	err = run.Get(ctx, &result)
	return result, errors.Join(err, equal(result, "approved by nobody"))
}

// historiesReplay comes last: everything that ran before replays without nondeterminism.
func historiesReplay(ctx context.Context, r *Run) (any, error) {
	replayer := worker.NewWorkflowReplayer()
	registerWorkflows(replayer)
	for _, run := range r.started {
		history, err := r.history(ctx, run.GetID(), run.GetRunID())
		if err != nil {
			return nil, err
		}
		original := workflow.Execution{ID: run.GetID(), RunID: run.GetRunID()}
		options := worker.ReplayWorkflowHistoryOptions{OriginalExecution: original}
		if err := replayer.ReplayWorkflowHistoryWithOptions(quiet, history, options); err != nil {
			return nil, fmt.Errorf("%s: %w", run.GetID(), err)
		}
	}
	return len(r.started), nil
}

// Scenario is a name and what runs under it.
type Scenario struct {
	name string
	run  func(context.Context, *Run) (any, error)
}

var scenarios = []Scenario{
	{"order_saga_ships", orderSagaShips},
	{"order_saga_compensates", orderSagaCompensates},
	{"approval_by_signal", approvalBySignal},
	{"approval_times_out", approvalTimesOut},
	{"child_workflows", childWorkflows},
	{"fan_out", fanOut},
	{"heartbeat_resume", heartbeatResume},
	{"update_validated", updateValidated},
	{"continue_as_new_chain", continueAsNewChain},
	{"update_with_start", updateWithStart},
	{"signal_with_start", signalWithStart},
	{"cancel_reaches_the_activity", cancelReachesTheActivity},
	{"loan_applications", loanApplications},
	{"loan_serviced_across_runs", loanServicedAcrossRuns},
	{"pending_retries_are_visible", pendingRetriesAreVisible},
	{"versions_and_side_effects", versionsAndSideEffects},
	{"reset_runs_again", resetRunsAgain},
	{"encrypted_payloads", encryptedPayloads},
	{"namespaces_isolate", namespacesIsolate},
	{"worker_restart_resumes", workerRestartResumes},
	{"histories_replay", historiesReplay},
}
