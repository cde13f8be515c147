package test.orders.undecodable;

import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

@WorkflowInterface
public interface NumberedOrder {
  @WorkflowMethod(name = "Order")
  String order(int number);
}
