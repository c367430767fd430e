import java.util.ArrayList;
import java.util.List;

/** Fills its heap, which is larger than the container's limit. */
class Heap {
  public static void main(String[] arguments) throws InterruptedException {
    List<byte[]> kept = new ArrayList<>();
    while (true) {
      byte[] piece = new byte[1 << 20];
      java.util.Arrays.fill(piece, (byte) 1);
      kept.add(piece);
      Thread.sleep(40);
    }
  }
}
