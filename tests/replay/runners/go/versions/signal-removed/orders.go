package orders

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

type Request struct {
	ID     string `json:"id"`
	Item   string `json:"item"`
	Amount int    `json:"amount"`
}

func options(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
}

func Order(ctx workflow.Context, order Request) (string, error) {
	ctx = options(ctx)
	if err := workflow.ExecuteActivity(ctx, "Reserve", order.Item).Get(ctx, nil); err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, 50*time.Millisecond); err != nil {
		return "", err
	}
	if order.Amount > 100 && !approved(ctx) {
		return "", temporal.NewNonRetryableApplicationError("not approved", "NotApproved", nil)
	}
	if err := workflow.ExecuteActivity(ctx, "Charge", order.Item, order.Amount).Get(ctx, nil); err != nil {
		_ = workflow.ExecuteActivity(ctx, "Release", order.Item).Get(ctx, nil)
		return "", err
	}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: order.ID + "-receipt"})
	var receipt string
	err := workflow.ExecuteChildWorkflow(ctx, Receipt, order.ID).Get(ctx, &receipt)
	return receipt, err
}

func approved(ctx workflow.Context) bool {
	yes := false
	workflow.NewSelector(ctx).
		AddFuture(workflow.NewTimer(ctx, time.Hour), func(workflow.Future) {}).
		Select(ctx)
	return yes
}

func Receipt(ctx workflow.Context, id string) (string, error) {
	return fmt.Sprintf("receipt of %s", id), nil
}

func Subscription(ctx workflow.Context, round int) (int, error) {
	ctx = options(ctx)
	if err := workflow.ExecuteActivity(ctx, "Charge", "subscription", round).Get(ctx, nil); err != nil {
		return 0, err
	}
	if err := workflow.Sleep(ctx, 20*time.Millisecond); err != nil {
		return 0, err
	}
	if round < 2 {
		return 0, workflow.NewContinueAsNewError(ctx, Subscription, round+1)
	}
	return round, nil
}

// Register is what the project's workers call.
func Register(registry worker.Registry) {
	registry.RegisterWorkflow(Order)
	registry.RegisterWorkflow(Receipt)
	registry.RegisterWorkflow(Subscription)
}
