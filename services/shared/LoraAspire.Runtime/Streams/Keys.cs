namespace LoraAspire.Runtime.Streams;

/// <summary>Every Redis key, group and channel of ours.</summary>
public static class Keys
{
    public const string Inbox = "lora:inbox";
    public const string Dead = "lora:dead";
    /// <summary>Sorted set: run id by time of submission. Only an index; what a run is stands in its log.</summary>
    public const string Runs = "lora:runs";

    /// <summary>Hash: what people wrote of a run, by its id.</summary>
    public const string Notes = "lora:notes";

    /// <summary>Is there while a coordinator lives, and goes by itself soon after the last one died.</summary>
    public const string Alive = "lora:coordinator";

    /// <summary>Set: the names of the classes of orders that there have been (<see cref="WorkClass"/>).</summary>
    public const string Classes = "lora:classes";

    /// <summary>Sorted set: what each worker says of itself, by when it was last heard of.</summary>
    public const string Workers = "lora:workers";

    public const string CoordinatorGroup = "coordinator";
    public const string WorkerGroup = "workers";

    /// <param name="kind">A kind of stage, or the name of a class of its orders.</param>
    public static string Work(string kind) => $"lora:work:{kind}";
    /// <param name="card">The driver's name for a GPU. Who computes on it stands there, for as long as it is renewed.</param>
    public static string Device(string card) => $"lora:device:{card}";

    public static string Run(string run) => $"lora:run:{run}";
    public static string Progress(string run) => $"lora:progress:{run}";
    public static string Cancel(string run) => $"lora:cancel:{run}";
}
