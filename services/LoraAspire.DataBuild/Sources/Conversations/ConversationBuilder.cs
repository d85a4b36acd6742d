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
    private readonly List<Turn> _turns = [];
    private string? _system = system;
    private string? _needsChatTemplate;
    private bool _reasons;

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
        var problem = turn.Speaker switch
        {
            Speaker.Tool => $"a turn of '{turn.Name}'",
            Speaker.System => "a system message after the first turn",
            Speaker.User => _turns is [] or [.., { Answer: not null }] ? null : "two questions in a row",
            _ => turn.CallsTools ? "a call of a tool"
                : _turns is [.., { Answer: null }] ? null : _turns.Count == 0 ? "begins with an answer" : "two answers in a row",
        };
        _needsChatTemplate ??= problem;
        if (problem is null && turn.Speaker == Speaker.User)
        {
            _turns.Add(new(turn.Text));
        }
        else if (problem is null)
        {
            _turns[^1] = _turns[^1] with { Answer = turn.Text, Reasoning = turn.Reasoning };
        }
        _reasons |= turn.Speaker == Speaker.Assistant && turn.Reasoning is not null;
        _spoken.Add(turn);
    }

    /// <param name="tools">That the conversation was held with; null for none.</param>
    public SourceRecord Record(Place place, string? tools)
    {
        var after = AfterLastAnswer;
        var kept = _spoken.SkipLast(after).ToList();
        var alternates = _needsChatTemplate is null;
        var record = alternates ? Alternating() : new(All(kept, Speaker.User), "", All(kept, Speaker.Assistant)) { System = _system };
        return new(record with
        {
            Messages = alternates ? null : [.. ChatMessages.Of(_system, kept)],
            Tools = tools,
        }, place.File, place.Row, place.Line)
        {
            NeedsChatTemplate = _needsChatTemplate,
            LeftOut = after > 0 ? [LastQuestion] : [],
            ForChatTemplates = (_reasons, tools) switch
            {
                (true, null) => [Reasoning],
                (true, _) => [Reasoning, ToolsAlone],
                (_, null) => [],
                _ => [ToolsAlone],
            },
        };
    }

    private InstructionRecord Alternating()
    {
        var answered = _turns[^1].Answer is null ? _turns[..^1] : _turns;
        return new(answered[^1].Question, "", answered[^1].Answer!)
        {
            History = answered[..^1],
            System = _system,
            Reasoning = answered[^1].Reasoning,
        };
    }

    /// <summary>What repeats another record is found by these texts.</summary>
    private static string All(IEnumerable<SpokenTurn> turns, Speaker speaker) =>
        string.Join('\n', turns.Where(turn => turn.Speaker == speaker).Select(turn => turn.Text));

    private bool IsEmpty(SpokenTurn turn) => string.IsNullOrWhiteSpace(turn.Text)
        && (turn.Speaker == Speaker.User || turn.Speaker == Speaker.Assistant && refusesEmptyAnswers && !turn.CallsTools);
}
