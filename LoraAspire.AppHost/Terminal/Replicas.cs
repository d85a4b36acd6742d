using System.CommandLine;
using System.Globalization;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.AppHost.Terminal;

/// <summary>How many workers of a kind, or coordinators, where it isn't one. Not of a kind whose effect is outside the store.</summary>
internal static class Replicas
{
    /// <summary>More of them than a machine has cores only wait for each other.</summary>
    private const int Most = 64;

    public static Option<string[]> Option()
    {
        var option = new Option<string[]>("--replicas")
        {
            Description = "So many workers of a kind, as trainer=2, or coordinators; once for each kind. Usually one.",
            HelpName = "KIND=N",
            DefaultValueFactory = _ => [],
        };
        option.Validators.Add(result =>
        {
            foreach (var wrong in result.Tokens.Where(token => Read(token.Value) is null))
            {
                result.AddError($"--replicas takes KIND=N, of {string.Join(", ", Kinds)} and from 1 to {Most}, not '{wrong.Value}'.");
            }
        });
        return option;
    }

    public static IReadOnlyDictionary<string, int> Of(IEnumerable<string> given)
    {
        var replicas = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (kind, count) in given.Select(one => Read(one)!.Value))
        {
            replicas[kind] = count;
        }
        return replicas;
    }

    private static IEnumerable<string> Kinds => StageKinds.All.Where(kind => kind.Cached).Select(kind => kind.Name).Append("coordinator");

    private static (string Kind, int Count)? Read(string text) =>
        text.Split('=') is [var kind, var number] && Kinds.Contains(kind)
            && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 1 and <= Most
            ? (kind, count) : null;
}
