package test.orders.undecodable;

import io.temporal.workflow.Workflow;
import test.orders.Activities;

public class OrderWorkflowImpl implements NumberedOrder {
  private final Activities activities = Workflow.newActivityStub(Activities.class, Activities.OPTIONS);

  @Override
  public String order(int number) {
    activities.reserve("lamp");
    return "order " + number;
  }
}
