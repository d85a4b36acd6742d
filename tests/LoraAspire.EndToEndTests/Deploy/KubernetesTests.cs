using System.Xml.Linq;
using k8s;
using k8s.Models;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Streams;
using YamlDotNet.Serialization;

namespace LoraAspire.EndToEndTests.Deploy;

/// <summary>deploy/kubernetes against what the AppHost starts: no service, variable, port or stream is missing or misspelt.</summary>
public sealed class KubernetesTests(PublishedManifest manifest)
{
    private static readonly string s_checkout = LoraPaths.Checkout()!;
    private static readonly string s_folder = Path.Combine(s_checkout, "deploy", "kubernetes");
    private static readonly Dictionary<string, Type> s_types = new(StringComparer.Ordinal)
    {
        ["keda.sh/v1alpha1/ScaledJob"] = typeof(ScaledJob),
        ["keda.sh/v1alpha1/TriggerAuthentication"] = typeof(TriggerAuthentication),
    };

    private static readonly Dictionary<string, object> s_kustomization = new DeserializerBuilder().Build()
        .Deserialize<Dictionary<string, object>>(File.ReadAllText(Path.Combine(s_folder, "kustomization.yaml")));

    private static readonly List<object> s_objects =
        [.. Files().SelectMany(file => KubernetesYaml.LoadAllFromString(File.ReadAllText(file), s_types, strict: true))];

    private static readonly Dictionary<string, V1PodSpec> s_pods = s_objects.OfType<V1Deployment>()
        .Select(deployment => (deployment.Metadata.Name, deployment.Spec.Template.Spec))
        .Concat(s_objects.OfType<ScaledJob>().Select(job => (job.Metadata.Name, job.Spec.JobTargetRef.Template.Spec)))
        .ToDictionary(StringComparer.Ordinal);

    private static IEnumerable<string> Files() =>
        Directory.EnumerateFiles(s_folder, "*.yaml").Where(file => Path.GetFileName(file) != "kustomization.yaml");

    /// <summary>name=value of the map that every service gets.</summary>
    private static Dictionary<string, string> Shared() =>
        ((List<object>)((Dictionary<object, object>)((List<object>)s_kustomization["configMapGenerator"])[0])["literals"])
        .Select(literal => ((string)literal).Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    private static IEnumerable<(string Name, V1Container Container)> Services() => s_pods
        .Where(pod => pod.Key != "redis").Select(pod => (pod.Key, Assert.Single(pod.Value.Containers)));

    [Fact]
    public void Kustomize_takes_every_file_of_the_folder() => Assert.Equal(Files().Select(Path.GetFileName).Order(StringComparer.Ordinal),
        ((List<object>)s_kustomization["resources"]).Cast<string>().Order(StringComparer.Ordinal));

    [Fact]
    public async Task Every_service_of_the_app_runs_there_and_no_other() => Assert.Equal(
        (await manifest.ServicesAsync()).Keys.Append("redis").Order(StringComparer.Ordinal), s_pods.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public async Task Every_service_gets_the_variables_that_the_AppHost_gives_it()
    {
        // No dashboard runs there, and ports are the pod's own.
        string[] others = ["LORA_DASHBOARD_URL"];
        foreach (var (name, variables) in await manifest.ServicesAsync())
        {
            var given = Shared().Keys.Concat(Assert.Single(s_pods[name].Containers).Env.Select(variable => variable.Name));
            Assert.Empty(variables.Where(variable => variable.StartsWith("LORA_", StringComparison.Ordinal)
                || variable.StartsWith("ConnectionStrings__", StringComparison.Ordinal)
                || variable.StartsWith("services__", StringComparison.Ordinal)).Except(others).Except(given));
        }
    }

    [Fact]
    public void A_job_is_started_for_each_entry_of_the_stream_of_its_kind()
    {
        var jobs = s_objects.OfType<ScaledJob>().ToDictionary(job => job.Metadata.Name);
        Assert.Equal(StageKinds.All.Except([StageKinds.Chat]).Select(kind => kind.Name).Order(StringComparer.Ordinal),
            jobs.Keys.Order(StringComparer.Ordinal));
        foreach (var (kind, job) in jobs)
        {
            var trigger = Assert.Single(job.Spec.Triggers);
            Assert.Equal(("redis-streams", Keys.Work(kind), "1"),
                (trigger.Type, trigger.Metadata["stream"], trigger.Metadata["streamLength"]));
            // With a group it would count what is in a worker's hands, and never begin.
            Assert.DoesNotContain("consumerGroup", trigger.Metadata.Keys);
            Assert.Equal("Never", job.Spec.JobTargetRef.Template.Spec.RestartPolicy);
            Assert.Contains("LORA_UNTIL_IDLE", Assert.Single(job.Spec.JobTargetRef.Template.Spec.Containers).Env.Select(one => one.Name));
            Assert.Equal(trigger.AuthenticationRef["name"], Assert.Single(s_objects.OfType<TriggerAuthentication>()).Metadata.Name);
        }
    }

    [Fact]
    public void Images_are_those_that_the_projects_publish()
    {
        var published = Directory.EnumerateFiles(Path.Combine(s_checkout, "services"), "*.csproj", SearchOption.AllDirectories)
            .Select(project => XDocument.Load(project).Descendants("ContainerRepository").SingleOrDefault()?.Value).OfType<string>();

        Assert.Equal(published.Order(StringComparer.Ordinal),
            Services().Select(service => service.Container.Image.Split(':')[0]).Order(StringComparer.Ordinal));
        Assert.All(Services(), service => Assert.Equal($"lora-aspire/{service.Name}", service.Container.Image.Split(':')[0]));
    }

    [Fact]
    public void Probes_and_addresses_lead_to_ports_that_are_open()
    {
        foreach (var deployment in s_objects.OfType<V1Deployment>().Where(one => one.Metadata.Name != "redis"))
        {
            var container = Assert.Single(deployment.Spec.Template.Spec.Containers);
            Assert.Equal(("/health", "http"),
                (container.ReadinessProbe.HttpGet.Path, container.ReadinessProbe.HttpGet.Port.Value));
            Assert.Equal(("/alive", "http"), (container.LivenessProbe.HttpGet.Path, container.LivenessProbe.HttpGet.Port.Value));
            Assert.Equal(8080, Assert.Single(container.Ports).ContainerPort);
        }
        foreach (var service in s_objects.OfType<V1Service>())
        {
            var port = Assert.Single(service.Spec.Ports);
            var pod = Assert.Single(s_objects.OfType<V1Deployment>(),
                one => one.Spec.Template.Metadata.Labels["app"] == service.Spec.Selector["app"]);
            Assert.Contains(port.TargetPort.Value, Assert.Single(pod.Spec.Template.Spec.Containers).Ports.Select(open => open.Name));
        }
        Assert.Equal("http://chat:8080", Shared()["services__chat__http__0"]);
    }

    [Fact]
    public void Pages_lead_a_browser_to_where_the_guide_forwards_them()
    {
        var guide = File.ReadAllText(Path.Combine(s_checkout, "docs", "deploy.md"));

        Assert.Equal(("http://localhost:15080", "http://localhost:15081"), (Shared()["LORA_LAB_URL"], Shared()["LORA_CHAT_URL"]));
        Assert.Contains("port-forward service/lab 15080:8080", guide, StringComparison.Ordinal);
        Assert.Contains("port-forward service/chat 15081:8080", guide, StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_lie_on_the_shared_volume_and_nothing_else_can_be_written()
    {
        Assert.All(Shared().Where(one => one.Key is "LORA_STORE" or "LORA_STATE" or "LORA_DATA" or "LORA_MODELS"),
            folder => Assert.StartsWith("/lora/", folder.Value, StringComparison.Ordinal));
        Assert.All(Services(), service =>
        {
            Assert.Contains(service.Container.VolumeMounts, mount => mount is { Name: "store", MountPath: "/lora" });
            Assert.True(service.Container.SecurityContext.ReadOnlyRootFilesystem);
        });
        Assert.All(s_pods.Values, pod => Assert.True(pod.SecurityContext.RunAsNonRoot));
        Assert.All(s_pods.Values.SelectMany(pod => pod.Volumes).Select(volume => volume.PersistentVolumeClaim?.ClaimName).OfType<string>(),
            claim => Assert.Contains(claim, s_objects.OfType<V1PersistentVolumeClaim>().Select(one => one.Metadata.Name)));
    }

    [Fact]
    public void Secrets_are_those_that_the_guide_makes()
    {
        var guide = File.ReadAllText(Path.Combine(s_checkout, "docs", "deploy.md"));
        var asked = s_pods.Values.SelectMany(pod => pod.Containers).SelectMany(container => container.Env ?? [])
            .Select(variable => variable.ValueFrom?.SecretKeyRef).OfType<V1SecretKeySelector>().Select(one => (one.Name, one.Key))
            .Concat(s_objects.OfType<TriggerAuthentication>().SelectMany(one => one.Spec.SecretTargetRef)
                .Select(one => (one.Name, one.Key)))
            .Append(("lora-redis", "users.acl")).Append(("lora-key", "api-key")).Distinct();

        Assert.All(asked, secret =>
        {
            Assert.Contains($"create secret generic {secret.Item1} ", guide, StringComparison.Ordinal);
            Assert.Matches($@"--from-(literal|file)={secret.Item2.Replace(".", @"\.", StringComparison.Ordinal)}=", guide);
        });
    }
}
