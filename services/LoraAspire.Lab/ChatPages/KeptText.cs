using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace LoraAspire.Lab.ChatPages;

/// <summary>
/// A conversation as the text that the browser keeps. Anything may stand there when it is read back: an older form, half of one, what an
/// extension or a person wrote.
/// </summary>
public static partial class KeptText
{
    /// <summary>Bytes of a conversation; a longer one isn't kept.</summary>
    public const int Largest = 1 << 20;

    /// <summary>Letters of a question or a system prompt.</summary>
    public const int LongestQuestion = 200_000;

    private const int MostTurns = 10_000, Columns = 2, LongestName = 400;

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        // Chinese stays as short as it is; the text goes nowhere near a page's HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        NumberHandling = JsonNumberHandling.Strict,
        IgnoreReadOnlyProperties = true,
        Converters = { new JsonStringEnumConverter<TroubleKind>(allowIntegerValues: false) },
    };

    public static string Write(Conversation conversation) => JsonSerializer.Serialize(conversation, s_json);

    /// <summary>Null where it is no conversation that can be shown and gone on with.</summary>
    public static Conversation? Read(ReadOnlySpan<byte> utf8)
    {
        try
        {
            return utf8.Length <= Largest && JsonSerializer.Deserialize<Conversation>(utf8, s_json) is { } read && IsWhole(read)
                ? Named(read) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Letters that an address takes as they are.</summary>
    public static bool IsId(string? id) => id is not null && IdForm().IsMatch(id);

    private static bool IsWhole(Conversation read) =>
        IsId(read.Id) && read.Title.Length <= Conversation.LongestTitle && read.System.Length <= LongestQuestion
        && IsName(read.Model) && IsName(read.Other) && SamplingRange.Takes(read.Sampling)
        && read.Turns.Count <= MostTurns && read.Turns.Index().All(one => IsWhole(one.Item, one.Index))
        && AreDifferent(read.Turns.Select(turn => turn.Id))
        && (read.Leaf is null ? read.Turns.Count == 0 : read.Leaf >= 0 && read.Leaf < read.Turns.Count);

    /// <summary>What was kept before turns and answers had ids has its place for one: whoever reads it gives it the same.</summary>
    private static Conversation Named(Conversation read) => read with
    {
        Turns =
        [
            .. read.Turns.Select((turn, index) => turn with
            {
                Id = turn.Id ?? $"{index}",
                Answers =
                [
                    .. turn.Answers.Select(set => set with
                    {
                        Variants = [.. set.Variants.Select((answer, place) => answer with { Id = answer.Id ?? $"{place}" })],
                    }),
                ],
            }),
        ],
    };

    private static bool AreDifferent(IEnumerable<string?> ids) =>
        ids.OfType<string>().ToList() is var given && given.TrueForAll(IsId) && given.Distinct().Count() == given.Count;

    private static bool IsWhole(Turn? turn, int index) =>
        turn is not null && turn.Parent is not < 0 && !(turn.Parent >= index) && turn.Question.Length <= LongestQuestion
        && turn.Answers.Count <= Columns && turn.Answers.All(set => set is not null && set.Variants.All(IsWhole)
            && AreDifferent(set.Variants.Select(answer => answer.Id))
            && (set.Variants.Count == 0 ? set.Chosen == 0 : set.Chosen >= 0 && set.Chosen < set.Variants.Count));

    private static bool IsWhole(Answer? answer) =>
        answer is not null && IsName(answer.Model) && IsName(answer.Finish) && answer.PromptTokens is not < 0 && answer.Tokens is not < 0
        && answer.FirstAfter is not < 0 && answer.Took is not < 0;

    private static bool IsName(string? name) => name is not { Length: > LongestName };

    [GeneratedRegex("^[A-Za-z0-9-]{1,64}$")]
    private static partial Regex IdForm();
}
