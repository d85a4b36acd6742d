using System.Globalization;
using System.Text;
using Microsoft.JSInterop;

namespace LoraAspire.Lab.ChatPages;

/// <summary>A conversation in the list.</summary>
public sealed record ChatHeader(string Id, string Title, DateTimeOffset Changed);

/// <summary>Whether the browser keeps what it was given.</summary>
/// <param name="Used">Letters that all conversations take.</param>
/// <param name="Most">Letters that they may take.</param>
public sealed record Keeping(bool IsKept, long Used, long Most)
{
    /// <summary>The conversation alone is larger than one may be.</summary>
    public bool IsTooLong { get; init; }

    /// <summary>It was deleted, in another window: nothing writes it again.</summary>
    public bool IsGone { get; init; }
}

/// <summary>The conversations that lie in the browser (chat.js): they are the reader's, and no server has them.</summary>
internal sealed class KeptChats(IJSObjectReference module)
{
    /// <summary>That have stood there: where one of them doesn't any more, it was deleted.</summary>
    private readonly HashSet<string> known = [];

    /// <summary>The last changed first. What isn't a conversation's head is left out, and stays where it is.</summary>
    public async Task<IReadOnlyList<ChatHeader>> ListAsync() =>
        [.. (await module.InvokeAsync<Head[]>("list")).Where(head => KeptText.IsId(head.Id) && head.Id != Conversation.New)
            .Select(head => new ChatHeader(head.Id!, head.Title ?? "", Moment(head.Changed))).OrderByDescending(head => head.Changed)];

    /// <summary>What the conversations take, and may take.</summary>
    public async Task<Keeping> UsedAsync() => await module.InvokeAsync<Keeping>("used");

    /// <returns>Null where there is none.</returns>
    /// <exception cref="FormatException">What is there can't be read.</exception>
    public async Task<Conversation?> ReadAsync(string id)
    {
        if (!await module.InvokeAsync<bool>("has", id))
        {
            return null;
        }
        known.Add(id);
        await using var text = await module.InvokeAsync<IJSStreamReference>("read", id);
        if (text.Length > KeptText.Largest)
        {
            throw new FormatException("Larger than a conversation.");
        }
        await using var stream = await text.OpenReadStreamAsync(KeptText.Largest);
        using MemoryStream bytes = new();
        await stream.CopyToAsync(bytes);
        return KeptText.Read(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)) is { } read && read.Id == id ? read
            : throw new FormatException("No conversation.");
    }

    /// <summary>With the turns and answers that another page has given it.</summary>
    public async Task<Keeping> WriteAsync(Conversation conversation)
    {
        var (id, text) = (conversation.Id, KeptText.Write(conversation));
        if (Encoding.UTF8.GetByteCount(text) > KeptText.Largest)
        {
            return await UsedAsync() with { IsKept = false, IsTooLong = true };
        }
        var keeping = await module.InvokeAsync<Keeping>("write", id, text, KeptText.Largest, !known.Contains(id));
        if (keeping.IsKept && id != Conversation.New) // that one goes with the first question, and begins again
        {
            known.Add(id);
        }
        return keeping;
    }

    public async Task RemoveAsync(string id)
    {
        known.Remove(id);
        await module.InvokeVoidAsync("remove", id);
    }

    /// <summary>A file of the reader's downloads.</summary>
    public async Task SaveFileAsync(string name, string text) => await module.InvokeVoidAsync("save", name, text);

    private static DateTimeOffset Moment(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : default;

    private sealed record Head(string? Id, string? Title, string? Changed);
}
