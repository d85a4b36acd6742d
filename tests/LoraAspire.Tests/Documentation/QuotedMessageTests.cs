using System.Text.RegularExpressions;
using LoraAspire.Tests.Architecture;

namespace LoraAspire.Tests.Documentation;

/// <summary>docs/troubleshooting.md quotes what the programs say. … stands for what differs from case to case.</summary>
public sealed partial class QuotedMessageTests
{
    private static readonly IReadOnlyList<string> s_sources =
    [
        .. SourceFiles.Under("LoraAspire.AppHost", "LoraAspire.ServiceDefaults", "services")
            .Select(file => Joined().Replace(File.ReadAllText(Path.Combine(SourceFiles.Root, file)), "").Replace("\\\"", "\"")),
    ];

    public static TheoryData<string> Messages => [.. Quoted("docs/troubleshooting.md")];

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_quoted_message_stands_in_the_source(string message)
    {
        var parts = message.Split('…', StringSplitOptions.RemoveEmptyEntries).Select(Regex.Escape).ToList();
        Assert.True(message.Replace("…", "").Trim().Length >= 10, $"'{message}' would be found anywhere");
        Regex pattern = new(string.Join(@"[^;]{0,400}?", parts), RegexOptions.Singleline);

        Assert.True(s_sources.Any(pattern.IsMatch), $"nothing in the source says '{message}'");
    }

    [Fact]
    public void Enough_messages_are_quoted_for_the_test_to_mean_something() => Assert.True(Quoted("docs/troubleshooting.md").Count() > 30);

    /// <summary>The first cell of each row is a message in backticks.</summary>
    private static IEnumerable<string> Quoted(string file) => Books.Text(file).Split('\n')
        .Select(line => Row().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value).Distinct();

    /// <summary>Where a text goes on in another literal.</summary>
    [GeneratedRegex("\"\\s*\\+\\s*\\$?\"")]
    private static partial Regex Joined();

    [GeneratedRegex(@"^\| `([^`]+)` \|")]
    private static partial Regex Row();
}
