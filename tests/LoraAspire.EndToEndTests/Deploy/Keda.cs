using k8s;
using k8s.Models;

namespace LoraAspire.EndToEndTests.Deploy;

/// <summary>KEDA's resources, with the fields that our manifests use: read strictly, so that another field fails.</summary>
internal abstract class KedaResource<TSpec> : IKubernetesObject<V1ObjectMeta>, ISpec<TSpec>
{
    public string ApiVersion { get; set; } = "";
    public string Kind { get; set; } = "";
    public V1ObjectMeta Metadata { get; set; } = new();
    public TSpec Spec { get; set; } = default!;
}

internal sealed class ScaledJob : KedaResource<ScaledJobSpec>;

internal sealed class ScaledJobSpec
{
    public V1JobSpec JobTargetRef { get; set; } = null!;
    public int PollingInterval { get; set; }
    public int MaxReplicaCount { get; set; }
    public int SuccessfulJobsHistoryLimit { get; set; }
    public int FailedJobsHistoryLimit { get; set; }
    public Dictionary<string, string> ScalingStrategy { get; set; } = [];
    public List<Trigger> Triggers { get; set; } = [];
}

internal sealed class Trigger
{
    public string Type { get; set; } = "";
    public Dictionary<string, string> Metadata { get; set; } = [];
    public Dictionary<string, string> AuthenticationRef { get; set; } = [];
}

internal sealed class TriggerAuthentication : KedaResource<TriggerAuthenticationSpec>;

internal sealed class TriggerAuthenticationSpec
{
    public List<SecretTarget> SecretTargetRef { get; set; } = [];
}

internal sealed class SecretTarget
{
    public string Parameter { get; set; } = "";
    public string Name { get; set; } = "";
    public string Key { get; set; } = "";
}
