using System.Text.Json.Serialization;
using LoraAspire.Lab.Live;

namespace LoraAspire.Lab.ChatPages;

/// <summary>
/// A conversation as the browser keeps it. Turns only ever come to it: a question that is edited is another turn after the same one, so
/// that what was said before it is still there.
/// </summary>
/// <param name="Id">By which the browser keeps it.</param>
public sealed record Conversation(string Id)
{
    /// <summary>Of one that nothing was asked in yet.</summary>
    public const string New = "new";

    public const int LongestTitle = 120;
    private const int TitleOfQuestion = 60;

    public string Title { get; init; } = "";

    public DateTimeOffset Changed { get; init; }

    /// <summary>The system prompt; empty is none.</summary>
    public string System { get; init; } = "";

    public Sampling Sampling { get; init; } = new();

    /// <summary>Null is the one that was deployed last.</summary>
    public string? Model { get; init; }

    /// <summary>The model in the second column; null is the last of the list, which is a base more often than not.</summary>
    public string? Other { get; init; }

    /// <summary>Whether both are asked.</summary>
    public bool IsBeside { get; init; }

    /// <summary>In the order in which they were asked.</summary>
    public IReadOnlyList<Turn> Turns { get; init; } = [];

    /// <summary>The last turn that is shown; null where there is none.</summary>
    public int? Leaf { get; init; }

    /// <summary>The turns that are shown, the first first.</summary>
    [JsonIgnore]
    public IReadOnlyList<int> Path => Leaf is { } leaf ? PathTo(leaf) : [];

    /// <summary>A turn and those before it.</summary>
    public IReadOnlyList<int> PathTo(int turn)
    {
        List<int> path = [];
        for (int? at = turn; at is { } index; at = Turns[index].Parent)
        {
            path.Add(index);
        }
        path.Reverse();
        return path;
    }

    /// <summary>The questions that were asked at the same place, this one among them.</summary>
    public IReadOnlyList<int> Versions(int turn) =>
        [.. Turns.Index().Where(one => one.Item.Parent == Turns[turn].Parent).Select(one => one.Index)];

    /// <summary>Shows this version of a question, with the newest of what followed it.</summary>
    public Conversation Showing(int turn)
    {
        var leaf = turn;
        while (Turns.Index().LastOrDefault(one => one.Item.Parent == leaf) is { Item: not null, Index: var next })
        {
            leaf = next;
        }
        return this with { Leaf = leaf };
    }

    /// <summary>With a question more; its turn is the last of <see cref="Turns"/>.</summary>
    /// <param name="after">The turn that it follows; null where it begins the conversation.</param>
    public Conversation Asking(string question, int? after) => this with
    {
        Turns = [.. Turns, new(after, question) { Id = NewId() }],
        Leaf = Turns.Count,
        Title = Title.Length > 0 ? Title : TitleOf(question),
    };

    /// <summary>What a model is told before it answers a turn.</summary>
    /// <param name="column">Whose earlier answers; where it gave none, the first column's.</param>
    public IReadOnlyList<Said> Messages(int turn, int column)
    {
        List<Said> said = System.Trim().Length > 0 ? [new(Said.System, System)] : [];
        foreach (var index in PathTo(turn))
        {
            said.Add(new(Said.User, Turns[index].Question));
            if (index != turn && (Turns[index].Shown(column)?.Text ?? Turns[index].Shown(0)?.Text) is { Length: > 0 } answer)
            {
                said.Add(new(Said.Assistant, answer));
            }
        }
        return said;
    }

    /// <summary>All that is shown of a column, its last answer too.</summary>
    public IReadOnlyList<Said> Shown(int column) => Leaf is not { } leaf ? []
        : Turns[leaf].Shown(column)?.Text is { Length: > 0 } answer ? [.. Messages(leaf, column), new(Said.Assistant, answer)]
        : Messages(leaf, column);

    /// <summary>With another answer, shown from now on.</summary>
    public Conversation Answering(int turn, int column, Answer answer) =>
        With(turn, column, set => new([.. set.Variants, answer with { Id = NewId() }], set.Variants.Count));

    /// <summary>With this in the place of an answer.</summary>
    public Conversation Replacing(int turn, int column, int variant, Answer answer) =>
        With(turn, column, set => set with
        {
            Variants = [.. set.Variants.Select((old, index) => index == variant ? answer with { Id = old.Id } : old)],
        });

    public Conversation Choosing(int turn, int column, int variant) => With(turn, column, set => set with { Chosen = variant });

    private Conversation With(int turn, int column, Func<AnswerSet, AnswerSet> change)
    {
        List<AnswerSet> sets = [.. Turns[turn].Answers];
        while (sets.Count <= column)
        {
            sets.Add(new([], 0));
        }
        sets[column] = change(sets[column]);
        return this with { Turns = [.. Turns.Select((old, index) => index == turn ? old with { Answers = sets } : old)] };
    }

    /// <summary>Of a conversation, a turn or an answer.</summary>
    internal static string NewId() => Guid.NewGuid().ToString("N")[..16];

    private static string TitleOf(string question) => Spell.Begin(question.Trim().Split('\n')[0].Trim(), TitleOfQuestion);
}
