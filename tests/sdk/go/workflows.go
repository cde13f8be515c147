package main

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The same seven workflows in Python, TypeScript and Go.

func quick(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		HeartbeatTimeout:    10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    50 * time.Millisecond,
			BackoffCoefficient: 1,
			MaximumAttempts:    5,
		},
	})
}

// OrderSaga reserves, charges, ships; what was done is undone in reverse order when a later step fails for good.
func OrderSaga(ctx workflow.Context, order, carrier string) ([]string, error) {
	ctx = quick(ctx)
	var done []string
	var compensations []any
	do := func(activity any, arguments ...any) error {
		var result string
		err := workflow.ExecuteActivity(ctx, activity, arguments...).Get(ctx, &result)
		if err == nil {
			done = append(done, result)
		}
		return err
	}
	steps := []func() error{
		func() error {
			compensations = append(compensations, ReleaseInventory)
			return do(ReserveInventory, order)
		},
		func() error {
			compensations = append(compensations, RefundPayment)
			return do(ChargePayment, order)
		},
		func() error { return do(Ship, order, carrier) },
	}
	for _, step := range steps {
		failure := step()
		if failure == nil {
			continue
		}
		for i := len(compensations) - 1; i >= 0; i-- {
			if err := do(compensations[i], order); err != nil {
				return nil, err
			}
		}
		return nil, temporal.NewApplicationErrorWithCause("order cancelled", "OrderCancelled", failure, done)
	}
	return done, nil
}

// Decision is a person's answer.
type Decision struct {
	What, By string
}

// Approval waits for a person, but not for ever.
func Approval(ctx workflow.Context, timeout time.Duration) (string, error) {
	status := "waiting"
	if err := workflow.SetQueryHandler(ctx, "status", func() (string, error) { return status, nil }); err != nil {
		return "", err
	}
	timerContext, cancelTimer := workflow.WithCancel(ctx)
	var decision Decision
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(workflow.GetSignalChannel(ctx, "decide"), func(c workflow.ReceiveChannel, _ bool) {
		c.Receive(ctx, &decision)
		cancelTimer()
	})
	selector.AddFuture(workflow.NewTimer(timerContext, timeout), func(workflow.Future) {})
	selector.Select(ctx)
	if decision.What == "" {
		return "timed out", nil
	}
	status = decision.What
	return decision.What + " by " + decision.By, nil
}

func Child(ctx workflow.Context, number int) (int, error) {
	if number < 0 {
		return 0, temporal.NewNonRetryableApplicationError("negative", "Negative", nil)
	}
	var square int
	err := workflow.ExecuteActivity(quick(ctx), Square, number).Get(ctx, &square)
	return square, err
}

// Family is what Parent learned from its children.
type Family struct {
	Sum, Failed int
}

// Parent sums its children's squares; a failing child is counted, not fatal.
func Parent(ctx workflow.Context, numbers []int) (Family, error) {
	var futures []workflow.ChildWorkflowFuture
	for i, number := range numbers {
		id := fmt.Sprintf("%s/child-%d", workflow.GetInfo(ctx).WorkflowExecution.ID, i)
		childContext := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id})
		futures = append(futures, workflow.ExecuteChildWorkflow(childContext, Child, number))
	}
	var family Family
	for _, future := range futures {
		var square int
		if err := future.Get(ctx, &square); err != nil {
			family.Failed++
		}
		family.Sum += square
	}
	return family, nil
}

func FanOut(ctx workflow.Context, count int) (int, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var futures []workflow.Future
	for number := range count {
		futures = append(futures, workflow.ExecuteActivity(ctx, Square, number))
	}
	sum := 0
	for _, future := range futures {
		var square int
		if err := future.Get(ctx, &square); err != nil {
			return 0, err
		}
		sum += square
	}
	return sum, nil
}

func HeartbeatResume(ctx workflow.Context, rows int) (Copied, error) {
	var copied Copied
	err := workflow.ExecuteActivity(quick(ctx), CopyRows, rows).Get(ctx, &copied)
	return copied, err
}

// Counter is updated from outside; a validator guards it.
func Counter(ctx workflow.Context) (int, error) {
	value := 0
	add := func(ctx workflow.Context, amount int) (int, error) {
		var square int
		if err := workflow.ExecuteActivity(quick(ctx), Square, amount).Get(ctx, &square); err != nil {
			return 0, err
		}
		value += square
		return value, nil
	}
	check := func(_ workflow.Context, amount int) error {
		if amount <= 0 {
			return temporal.NewApplicationError(fmt.Sprintf("not positive: %d", amount), "BadAmount")
		}
		return nil
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, "add", add, workflow.UpdateHandlerOptions{Validator: check}); err != nil {
		return 0, err
	}
	if err := workflow.SetQueryHandler(ctx, "current", func() (int, error) { return value, nil }); err != nil {
		return 0, err
	}
	workflow.GetSignalChannel(ctx, "close").Receive(ctx, nil)
	err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return value, err
}

// Chain counts down by continuing as new, one link a run.
func Chain(ctx workflow.Context, linksLeft, total int) (int, error) {
	var square int
	if err := workflow.ExecuteActivity(quick(ctx), Square, linksLeft).Get(ctx, &square); err != nil {
		return 0, err
	}
	total += square
	if linksLeft > 1 {
		return 0, workflow.NewContinueAsNewError(ctx, Chain, linksLeft-1, total)
	}
	return total, nil
}

// Cancellable has its activity cancelled with it; cleaning up happens in a context of its own.
func Cancellable(ctx workflow.Context, key string) (string, error) {
	hanging := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    5 * time.Second,
		WaitForCancellation: true,
	})
	err := workflow.ExecuteActivity(hanging, HangUntilCancelled).Get(ctx, nil)
	var cancelled *temporal.CanceledError
	if !errors.As(err, &cancelled) {
		return "", fmt.Errorf("not cancelled: %w", err)
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	var released string
	err = workflow.ExecuteActivity(quick(ctx), ReleaseInventory, key).Get(ctx, &released)
	return released, err
}
