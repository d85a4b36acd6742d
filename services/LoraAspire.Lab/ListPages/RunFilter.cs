using System.Globalization;

namespace LoraAspire.Lab.ListPages;

public enum RunOrder { Started, Name, State, Took, Loss, Validation }

/// <summary>Which runs are listed, and how: what the page's address says. A word of it that means nothing is passed over.</summary>
public sealed record RunFilter
{
    public const int PageSize = 25;

    public string? Text { get; init; }
    public ShownState? State { get; init; }
    public string? Pipeline { get; init; }
    public string? Base { get; init; }
    public string? Tag { get; init; }
    public RunOrder Order { get; init; }

    /// <summary>The smallest first; the list begins with the newest otherwise.</summary>
    public bool Ascending { get; init; }

    /// <summary>Counted from 1.</summary>
    public int Page { get; init; } = 1;

    public bool TakesAll => (Text, State, Pipeline, Base, Tag) is (null, null, null, null, null);

    /// <param name="sort">An order, with a minus before it for the largest first.</param>
    public static RunFilter Of(string? text, string? state, string? pipeline, string? from, string? tag, string? sort, string? page)
    {
        var order = Known<RunOrder>(Word(sort)?.TrimStart('-'));
        return new()
        {
            // A space at its end is the one before the word that is being typed.
            Text = string.IsNullOrWhiteSpace(text) ? null : text,
            State = Known<ShownState>(Word(state)),
            Pipeline = Word(pipeline),
            Base = Word(from),
            Tag = Word(tag),
            Order = order ?? RunOrder.Started,
            Ascending = order is not null && Word(sort)![0] != '-',
            Page = int.TryParse(page, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? Math.Max(1, number) : 1,
        };
    }

    /// <summary>As the address has it; null for what needn't stand there.</summary>
    public IReadOnlyDictionary<string, object?> Query => new Dictionary<string, object?>
    {
        ["q"] = Text,
        ["state"] = State?.ToString().ToLowerInvariant(),
        ["pipeline"] = Pipeline,
        ["base"] = Base,
        ["tag"] = Tag,
        ["sort"] = (Order, Ascending) is (RunOrder.Started, false) ? null : (Ascending ? "" : "-") + Order.ToString().ToLowerInvariant(),
        ["page"] = Page == 1 ? null : Page.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Those that are meant, in their order. What lacks the figure that they are sorted by stands at the end.</summary>
    public IReadOnlyList<RunRow> Take(IEnumerable<RunRow> rows, DateTimeOffset now)
    {
        var words = (Text ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var taken = rows.Where(row => (State is null || row.State == State) && (Pipeline is null || row.Name == Pipeline)
            && (Base is null || row.Base == Base) && (Tag is null || row.Note.Tags.Contains(Tag)) && row.Has(words));
        return Order switch
        {
            RunOrder.Name => Sorted(taken, row => row.Name, StringComparer.OrdinalIgnoreCase),
            RunOrder.State => Sorted(taken, row => (int?)row.State),
            RunOrder.Took => Sorted(taken, row => row.Took(now)),
            RunOrder.Loss => Sorted(taken, row => row.Losses.Final),
            RunOrder.Validation => Sorted(taken, row => row.Losses.Validation),
            _ => Sorted(taken, row => row.Run.SubmittedAt),
        };
    }

    private List<RunRow> Sorted<T>(IEnumerable<RunRow> rows, Func<RunRow, T?> key, IComparer<T?>? by = null)
    {
        var known = rows.OrderBy(row => key(row) is null);
        return [.. Ascending ? known.ThenBy(key, by) : known.ThenByDescending(key, by)];
    }

    private static T? Known<T>(string? word) where T : struct, Enum =>
        Enum.GetValues<T>().Cast<T?>().FirstOrDefault(value => value.ToString()!.Equals(word, StringComparison.OrdinalIgnoreCase));

    private static string? Word(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
