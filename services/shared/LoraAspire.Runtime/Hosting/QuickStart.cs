using System.Collections.Immutable;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// How the runtime compiles a program that only has to be there soon, among eight others on few cores: loops too start with quick code, and
/// hot code is compiled again only after two seconds without new code, and without counting in it first. A program that computes does
/// without this: its loops are compiled well at once.
/// </summary>
public static class QuickStart
{
    /// <summary>Read by the runtime before the program starts; numbers are hexadecimal.</summary>
    public static ImmutableDictionary<string, string> Environment { get; } = ImmutableDictionary<string, string>.Empty
        .Add("DOTNET_TieredPGO", "0")
        .Add("DOTNET_TC_QuickJitForLoops", "1")
        .Add("DOTNET_TC_CallCountingDelayMs", $"{2000:x}");
}
