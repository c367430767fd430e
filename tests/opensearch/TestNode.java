import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.opensearch.analysis.common.CommonAnalysisPlugin;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessPlugin;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;

public final class TestNode extends Node {
    private TestNode(Settings settings, Collection<Class<? extends Plugin>> plugins) {
        super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "node"), plugins, true);
    }

    public static void main(String[] arguments) throws Exception {
        Settings settings = Settings.builder().loadFromPath(Path.of(arguments[0])).build();
        TestNode node = new TestNode(settings,
            List.of(Netty4Plugin.class, PainlessPlugin.class, CommonAnalysisPlugin.class));
        node.start();
        Thread.currentThread().join();
    }
}
