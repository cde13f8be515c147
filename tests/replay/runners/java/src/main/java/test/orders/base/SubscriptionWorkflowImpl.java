package test.orders.base;

import io.temporal.workflow.Workflow;
import test.orders.Activities;
import test.orders.SubscriptionWorkflow;

public class SubscriptionWorkflowImpl implements SubscriptionWorkflow {
  private final Activities activities = Workflow.newActivityStub(Activities.class, Activities.OPTIONS);

  @Override
  public int subscribe(int round) {
    activities.charge("subscription", round);
    Workflow.sleep(20);
    if (round < 2) {
      Workflow.continueAsNew(round + 1);
    }
    return round;
  }
}
