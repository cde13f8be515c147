package test.orders;

public class Order {
  public String id;
  public String item;
  public int amount;
}
