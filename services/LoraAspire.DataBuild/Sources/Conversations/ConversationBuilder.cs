using LoraAspire.DataBuild.Records;
using LoraAspire.Model.Generation;

namespace LoraAspire.DataBuild.Sources.Conversations;

/// <summary>The turns of one conversation, in order → a record.</summary>
/// <param name="system">What stands beside the turns; a system message before the first of them is joined to it.</param>
/// <param name="refusesEmptyAnswers">Else what is to become of an empty answer is decided with the row.</param>
internal sealed class ConversationBuilder(string? system, bool refusesEmptyAnswers)
{
    private const string LastQuestion = "a question after the last answer";
    private const string Reasoning = "reasoning_content";
    private const string ToolsAlone = "a list of tools";

    private readonly List<SpokenTurn> _spoken = [];
    private string? _system = system;
    private string? _needsChatTemplate;

    /// <summary>Why it can't be learned, or null.</summary>
    public string? Problem => _spoken.Exists(turn => turn.Speaker == Speaker.Assistant)
        ? _spoken.SkipLast(AfterLastAnswer).Any(IsEmpty) ? "an empty turn" : null
        : "no answer in the conversation";

    private int AfterLastAnswer => _spoken.Count - 1 - _spoken.FindLastIndex(turn => turn.Speaker == Speaker.Assistant);

    public void Add(SpokenTurn turn)
    {
        if (turn.Speaker == Speaker.System && _spoken.Count == 0)
        {
            _system = string.IsNullOrEmpty(_system) ? turn.Text : _system + "\n" + turn.Text;
            return;
        }
        // Until something needs a chat template, questions and answers alternate.
        _needsChatTemplate ??= turn.Speaker switch
        {
            Speaker.Tool => $"a turn of '{turn.Name}'",
            Speaker.System => "a system message after the first turn",
            Speaker.User => _spoken is [] or [.., { Speaker: Speaker.Assistant }] ? null : "two questions in a row",
            _ => turn.CallsTools ? "a call of a tool"
                : _spoken is [.., { Speaker: Speaker.User }] ? null : _spoken.Count == 0 ? "begins with an answer" : "two answers in a row",
        };
        _spoken.Add(turn);
    }

    /// <param name="tools">That the conversation was held with; null for none.</param>
    public SourceRecord Record(Place place, string? tools)
    {
        var after = AfterLastAnswer;
        var kept = _spoken.SkipLast(after).ToList();
        var record = _needsChatTemplate is null ? Alternating(kept)
            : new(All(kept, Speaker.User), "", All(kept, Speaker.Assistant))
            {
                Messages = [.. ChatMessages.Of(_system, kept)],
                HasEmptyAnswer = kept.Exists(IsEmptyAnswer),
            };
        return new(record with { System = _system, Tools = tools }, place.File, place.Row, place.Line)
        {
            NeedsChatTemplate = _needsChatTemplate,
            LeftOut = after > 0 ? [LastQuestion] : [],
            ForChatTemplates = (kept.Exists(turn => turn.Speaker == Speaker.Assistant && turn.Reasoning is not null), tools) switch
            {
                (true, null) => [Reasoning],
                (true, _) => [Reasoning, ToolsAlone],
                (_, null) => [],
                _ => [ToolsAlone],
            },
        };
    }

    private static InstructionRecord Alternating(IEnumerable<SpokenTurn> kept)
    {
        var turns = kept.Chunk(2).Select(pair => new Turn(pair[0].Text, pair[1].Text) { Reasoning = pair[1].Reasoning }).ToList();
        return new(turns[^1].Question, "", turns[^1].Answer!) { History = turns[..^1], Reasoning = turns[^1].Reasoning };
    }

    /// <summary>What repeats another record is found by these texts.</summary>
    private static string All(IEnumerable<SpokenTurn> turns, Speaker speaker) =>
        string.Join('\n', turns.Where(turn => turn.Speaker == speaker).Select(turn => turn.Text));

    private bool IsEmpty(SpokenTurn turn) => turn.Speaker == Speaker.User && string.IsNullOrWhiteSpace(turn.Text)
        || refusesEmptyAnswers && IsEmptyAnswer(turn);

    private static bool IsEmptyAnswer(SpokenTurn turn) =>
        turn.Speaker == Speaker.Assistant && string.IsNullOrWhiteSpace(turn.Text) && !turn.CallsTools;
}
