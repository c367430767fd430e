import java.lang.reflect.Field;
import sun.misc.Unsafe;

/** Writes to address 0, which ends the JVM with a report. */
public class Fault {
    static void fault(Unsafe unsafe) {
        unsafe.putAddress(0, 42);
    }

    public static void main(String[] arguments) throws Exception {
        Field field = Unsafe.class.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        fault((Unsafe) field.get(null));
    }
}
