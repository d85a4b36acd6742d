using Aspire.Hosting;

namespace LoraAspire.Hosting.Engine;

/// <summary>Where the engine keeps what it writes: console logs, Redis's data. Configuration <c>LORA_STATE</c>, else <c>.lora</c> beside the AppHost.</summary>
internal sealed record StateFolder(string Path)
{
    public static StateFolder Of(IDistributedApplicationBuilder builder) =>
        new(System.IO.Path.GetFullPath(builder.Configuration["LORA_STATE"] ?? ".lora", builder.AppHostDirectory));

    public string Log(string instance) => System.IO.Path.Combine(Path, "logs", $"{instance}.log");

    public string Data(string resource) => Directory.CreateDirectory(System.IO.Path.Combine(Path, resource)).FullName;
}
