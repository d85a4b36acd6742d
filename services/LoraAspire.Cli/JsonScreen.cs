using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;

namespace LoraAspire.Cli;

/// <summary>What <c>--json</c> prints: one value, keys in snake_case, words for states, times in ISO 8601.</summary>
internal static class JsonScreen
{
    /// <summary>
    /// Chinese stays readable; what a terminal would obey is escaped, so that the text is the same in a pipe and on a screen.
    /// </summary>
    public static readonly JavaScriptEncoder Encoder = JavaScriptEncoder.Create(UnicodeRanges.All);

    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = Encoder,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static Option<bool> Option() => new("--json") { Description = "As JSON" };

    public static void Write(object value) => Console.WriteLine(Text(value));

    public static string Text(object value) => JsonSerializer.Serialize(value, s_json);
}
