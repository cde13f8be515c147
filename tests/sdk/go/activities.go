package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

// World is what the activities act on: what happened, in order, by key.
type World struct {
	mutex sync.Mutex
	trace map[string][]string
}

func (w *World) happened(key, what string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.trace[key] = append(w.trace[key], what)
}

// Of returns what happened to key, as one string.
func (w *World) Of(key string) string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return strings.Join(w.trace[key], " ")
}

var world = &World{trace: map[string][]string{}}

func ReserveInventory(_ context.Context, order string) (string, error) {
	world.happened(order, "reserve")
	return "reserved " + order, nil
}

func ReleaseInventory(_ context.Context, order string) (string, error) {
	world.happened(order, "release")
	return "released " + order, nil
}

func ChargePayment(_ context.Context, order string) (string, error) {
	world.happened(order, "charge")
	return "charged " + order, nil
}

func RefundPayment(_ context.Context, order string) (string, error) {
	world.happened(order, "refund")
	return "refunded " + order, nil
}

// Ship fails twice with a retryable error for "slow", for good for "broken".
func Ship(ctx context.Context, order, carrier string) (string, error) {
	world.happened(order, "ship")
	switch {
	case carrier == "broken":
		return "", temporal.NewNonRetryableApplicationError("no carrier", "NoCarrier", nil)
	case carrier == "slow" && activity.GetInfo(ctx).Attempt < 3:
		return "", temporal.NewApplicationError("carrier is busy", "Busy")
	}
	return "shipped " + order, nil
}

func Square(_ context.Context, number int) (int, error) {
	return number * number, nil
}

// Copied says how CopyRows went.
type Copied struct {
	Attempt, ResumedAt, Rows int
}

// CopyRows dies half-way at its first attempt; the second goes on from the heartbeat's details.
func CopyRows(ctx context.Context, total int) (Copied, error) {
	info := activity.GetInfo(ctx)
	first := 0
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &first); err != nil {
			return Copied{}, err
		}
	}
	for row := first; row < total; row++ {
		activity.RecordHeartbeat(ctx, row+1)
		if info.Attempt == 1 && row+1 == total/2 {
			return Copied{}, temporal.NewApplicationError("connection lost", "ConnectionLost")
		}
	}
	return Copied{Attempt: int(info.Attempt), ResumedAt: first, Rows: total}, nil
}

// HangUntilCancelled heartbeats until the server says that a cancel was requested.
func HangUntilCancelled(ctx context.Context) error {
	beat := time.NewTicker(100 * time.Millisecond)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-beat.C:
			activity.RecordHeartbeat(ctx)
		}
	}
}

// Applicant asks for a loan.
type Applicant struct {
	Name  string
	Score int
}

func VerifyIdentity(_ context.Context, applicant Applicant) (bool, error) {
	if applicant.Name == "impostor" {
		return false, temporal.NewNonRetryableApplicationError("unknown person", "IdentityError", nil)
	}
	return true, nil
}

// GetCreditScore asks an agency that is down at first.
func GetCreditScore(ctx context.Context, applicant Applicant) (int, error) {
	if activity.GetInfo(ctx).Attempt == 1 {
		return 0, fmt.Errorf("agency does not answer")
	}
	return applicant.Score, nil
}

func CheckCompliance(_ context.Context, applicant Applicant) (string, error) {
	return "rules passed for " + applicant.Name, nil
}

func Notify(_ context.Context, key, channel string) error {
	world.happened(key, channel)
	return nil
}

// AlwaysDown stands for a service that stays away: its workflow shows it as a pending activity.
func AlwaysDown(_ context.Context) error {
	return fmt.Errorf("503 from the document service")
}
