package test.orders;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;

@ActivityInterface
public interface Activities {
  ActivityOptions OPTIONS = ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofSeconds(10)).build();

  String reserve(String item);

  String reserveStock(String item);

  String charge(String item, int amount);

  void release(String item);

  void audit(String item);

  /** What the worker of a recording runs. */
  class Simple implements Activities {
    @Override
    public String reserve(String item) {
      return "reserved " + item;
    }

    @Override
    public String reserveStock(String item) {
      return reserve(item);
    }

    @Override
    public String charge(String item, int amount) {
      if (amount == 13) {
        throw ApplicationFailure.newNonRetryableFailure("card declined", "Declined");
      }
      return "charged " + amount;
    }

    @Override
    public void release(String item) {}

    @Override
    public void audit(String item) {}
  }
}
