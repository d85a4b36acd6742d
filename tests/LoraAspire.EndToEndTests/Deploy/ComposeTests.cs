using LoraAspire.Runtime;
using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace LoraAspire.EndToEndTests.Deploy;

/// <summary>deploy/compose.yaml against what the AppHost starts.</summary>
public sealed class ComposeTests(PublishedManifest manifest)
{
    private static readonly Dictionary<object, object> s_services = (Dictionary<object, object>)new DeserializerBuilder().Build()
        .Deserialize<Dictionary<string, object>>(new MergingParser(new Parser(
            new StringReader(File.ReadAllText(Path.Combine(LoraPaths.Checkout()!, "deploy", "compose.yaml"))))))["services"];

    private static Dictionary<object, object> Service(string name) => (Dictionary<object, object>)s_services[name];

    [Fact]
    public async Task Every_service_of_the_app_runs_there_with_its_variables()
    {
        var services = await manifest.ServicesAsync();
        Assert.Equal(services.Keys.Append("redis").Order(StringComparer.Ordinal),
            s_services.Keys.Cast<string>().Order(StringComparer.Ordinal));
        foreach (var (name, variables) in services)
        {
            // The connection string, with its password, comes by the file of secrets.
            var given = ((Dictionary<object, object>)Service(name)["environment"]).Keys.Cast<string>()
                .Concat(["ConnectionStrings__redis", "LORA_DASHBOARD_URL"]);
            Assert.Empty(variables.Where(variable => variable.StartsWith("LORA_", StringComparison.Ordinal)
                || variable.StartsWith("services__", StringComparison.Ordinal)).Except(given));
            Assert.Equal("secrets/redis.env", Service(name)["env_file"]);
            Assert.Equal($"lora-aspire/{name}:latest", Service(name)["image"]);
        }
    }

    [Fact]
    public void Pages_answer_on_this_machine_alone_and_nothing_else_answers() => Assert.Equal(
        ["127.0.0.1:15080:8080", "127.0.0.1:15081:8080"],
        s_services.Values.Cast<Dictionary<object, object>>().Where(service => service.ContainsKey("ports"))
            .SelectMany(service => (List<object>)service["ports"]).Cast<string>());

    [Fact]
    public void Pages_lead_a_browser_to_these_ports_and_services_reach_the_chat_service_by_its_name()
    {
        Assert.Equal(("http://localhost:15080", "http://localhost:15081"),
            (Variable("chat", "LORA_LAB_URL"), Variable("lab", "LORA_CHAT_URL")));
        Assert.Equal("http://chat:8080", Variable("lab", "services__chat__http__0"));
        Assert.Equal("http://chat:8080", Variable("data-build", "services__chat__http__0"));
        Assert.Equal("http://chat:8080", Variable("evaluator", "services__chat__http__0"));
        // It has the rest of what every service has.
        Assert.Equal("/lora/store", Variable("lab", "LORA_STORE"));
    }

    private static object Variable(string service, string name) => ((Dictionary<object, object>)Service(service)["environment"])[name];
}
