namespace LoraAspire.Runtime.Streams;

/// <summary>Every Redis key, group and channel of ours.</summary>
public static class Keys
{
    public const string Inbox = "lora:inbox";
    public const string Dead = "lora:dead";
    /// <summary>Sorted set: run id by time of submission. Only an index; what a run is stands in its log.</summary>
    public const string Runs = "lora:runs";

    /// <summary>Is there while a coordinator lives, and goes by itself soon after the last one died.</summary>
    public const string Alive = "lora:coordinator";

    public const string CoordinatorGroup = "coordinator";
    public const string WorkerGroup = "workers";

    public static string Work(string kind) => $"lora:work:{kind}";
    public static string Run(string run) => $"lora:run:{run}";
    public static string Progress(string run) => $"lora:progress:{run}";
    public static string Cancel(string run) => $"lora:cancel:{run}";
}
