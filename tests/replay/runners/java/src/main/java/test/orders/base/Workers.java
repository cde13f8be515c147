package test.orders.base;

import io.temporal.worker.Worker;

public final class Workers {
  public static void register(Worker worker) {
    worker.registerWorkflowImplementationTypes(
        OrderWorkflowImpl.class, ReceiptWorkflowImpl.class, SubscriptionWorkflowImpl.class);
  }
}
