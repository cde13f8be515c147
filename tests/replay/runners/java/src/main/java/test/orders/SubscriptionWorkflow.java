package test.orders;

import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

@WorkflowInterface
public interface SubscriptionWorkflow {
  @WorkflowMethod(name = "Subscription")
  int subscribe(int round);
}
