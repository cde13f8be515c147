package main

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// A bank's workflows: loan applications, and loans that are serviced for years.

// LoanDecision is what an applicant hears.
type LoanDecision struct {
	Approved bool
	Reason   string
}

// LoanApplication verifies, scores, checks the rules, decides, and tells it on every channel.
func LoanApplication(ctx workflow.Context, applicant Applicant, key string) (LoanDecision, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 20 * time.Millisecond, MaximumAttempts: 3},
	})
	var verified bool
	if err := workflow.ExecuteActivity(ctx, VerifyIdentity, applicant).Get(ctx, &verified); err != nil {
		return LoanDecision{}, err
	}
	var score int
	if err := workflow.ExecuteActivity(ctx, GetCreditScore, applicant).Get(ctx, &score); err != nil {
		return LoanDecision{}, err
	}
	if score < 650 {
		return LoanDecision{Reason: "Credit score below threshold"}, nil
	}
	var compliance string
	if err := workflow.ExecuteLocalActivity(localOptions(ctx), CheckCompliance, applicant).Get(ctx, &compliance); err != nil {
		return LoanDecision{}, err
	}
	for _, channel := range []string{"mail", "letter"} {
		if err := workflow.ExecuteActivity(ctx, Notify, key, channel).Get(ctx, nil); err != nil {
			return LoanDecision{}, err
		}
	}
	return LoanDecision{Approved: true, Reason: compliance}, nil
}

func localOptions(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: 10 * time.Second})
}

const paymentsPerRun = 3

// LoanServicing lives until the loan is paid back: it waits for payments, and sheds its history every few of them.
// A missed month is a timer that fires.
func LoanServicing(ctx workflow.Context, balance, missed int) (int, error) {
	err := workflow.SetQueryHandler(ctx, "balance", func() (int, error) { return balance, nil })
	if err != nil {
		return 0, err
	}
	payments := workflow.GetSignalChannel(ctx, "payment")
	for seen := 0; balance > 0; seen++ {
		if seen >= paymentsPerRun && payments.Len() == 0 {
			return 0, workflow.NewContinueAsNewError(ctx, LoanServicing, balance, missed)
		}
		var amount int
		paid, _ := payments.ReceiveWithTimeout(ctx, 30*24*time.Hour, &amount)
		if !paid {
			missed++
		}
		balance -= amount
	}
	return missed, nil
}

// DocumentProcessing depends on a service that is down: what one sees of it is a pending activity.
func DocumentProcessing(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 20 * time.Millisecond, BackoffCoefficient: 1},
	})
	return workflow.ExecuteActivity(ctx, AlwaysDown).Get(ctx, nil)
}

// Changed was changed while its old runs were still open.
func Changed(ctx workflow.Context) (int, error) {
	number := 1
	if workflow.GetVersion(ctx, "bigger-number", workflow.DefaultVersion, 2) == 2 {
		number = 2
	}
	var drawn int
	effect := workflow.SideEffect(ctx, func(workflow.Context) any { return 7 })
	if err := effect.Get(&drawn); err != nil {
		return 0, err
	}
	if err := workflow.Sleep(ctx, 50*time.Millisecond); err != nil {
		return 0, err
	}
	return number * drawn, nil
}
