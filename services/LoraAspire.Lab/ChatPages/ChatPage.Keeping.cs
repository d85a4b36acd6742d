using Microsoft.AspNetCore.Components.Forms;
using Microsoft.JSInterop;

namespace LoraAspire.Lab.ChatPages;

/// <summary>How the browser keeps what there is, and gives it up.</summary>
public partial class ChatPage
{
    private static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(300);

    private Task SetAsync(Func<Conversation, Conversation> change)
    {
        now = change(now);
        return SaveAsync();
    }

    /// <summary>For what is being typed: it is kept after a short rest.</summary>
    private async Task SetSoonAsync(Func<Conversation, Conversation> change)
    {
        (now, isUnsaved) = (change(now), true);
        var edit = ++edits;
        await Task.Delay(s_rest, Clock);
        if (edit == edits)
        {
            await SaveRestAsync();
        }
    }

    /// <summary>What was typed and isn't kept yet: before another conversation takes the place of this one too.</summary>
    private Task SaveRestAsync() => isUnsaved ? SaveAsync() : Task.CompletedTask;

    /// <summary>Who leaves the page in the middle of a word finds it there again.</summary>
    private async Task SaveAtTheEndAsync(CancellationToken closed)
    {
        await Task.Delay(Timeout.Infinite, closed)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await SaveRestAsync();
    }

    private Task SaveAsync() => TryAsync(async chats =>
    {
        (now, isUnsaved) = (now with { Changed = Clock.GetUtcNow() }, false);
        List(now); // before the wait, after which another may be open
        keeping = await chats.WriteAsync(now);
    });

    private void List(Conversation chat) => chats = chat.Id == Conversation.New ? chats
        : [new(chat.Id, chat.Title, chat.Changed), .. chats.Where(other => other.Id != chat.Id)];

    private Task RenameAsync((string Id, string Title) to) => TryAsync(async store =>
    {
        var chat = await ReadAsync(store, to.Id);
        if (chat is not null)
        {
            chat = chat with { Title = to.Title };
            now = to.Id == now.Id ? chat : now;
            keeping = await store.WriteAsync(chat);
            chats = [.. chats.Select(other => other.Id == to.Id ? other with { Title = to.Title } : other)];
        }
    });

    private Task DeleteAsync(string id) => TryAsync(async store =>
    {
        // What another page added to it stands in the browser alone.
        Conversation?[] gone = [await ReadKeptAsync(store, id), id == now.Id ? now : null];
        var (wasOpen, hadNoRoom) = (id == now.Id || id == opened?.Id, keeping is { IsKept: false });
        if (wasOpen)
        {
            // At once: an answer that still ends would write its conversation again.
            (now, unreadable, isUnsaved) = (new(Conversation.New), null, false);
            Stop();
        }
        await store.RemoveAsync(id);
        chats = [.. chats.Where(chat => chat.Id != id)];
        keeping = hadNoRoom && !wasOpen ? await store.WriteAsync(now) : await store.UsedAsync();
        if (gone.OfType<Conversation>().LastOrDefault() is { } last)
        {
            OfferBack(last.Title, () => InvokeAsync(() => TryAsync(async again =>
            {
                foreach (var one in gone.OfType<Conversation>())
                {
                    keeping = await again.WriteAsync(one);
                }
                chats = await again.ListAsync();
                StateHasChanged();
            })));
        }
        if (id == opened?.Id)
        {
            Navigation.NavigateTo("/chat");
        }
    });

    private Task ExportAsync() => TryAsync(store =>
        store.SaveFileAsync($"chat-{now.Id}.json", ExportedChat.Write(now, Models)));

    private Task ImportAsync(IBrowserFile file) => TryAsync(async store =>
    {
        if (await TextOfAsync(file) is { } text && ExportedChat.Read(text, Conversation.NewId()) is { } read)
        {
            keeping = await store.WriteAsync(read with { Changed = Clock.GetUtcNow() });
            Navigation.NavigateTo($"/chat?id={read.Id}");
            return;
        }
        SayNotImported(file.Name);
    });

    /// <summary>Null of a file that is too large, or that the browser can't read any more.</summary>
    private static async Task<string?> TextOfAsync(IBrowserFile file)
    {
        if (file.Size > ExportedChat.Largest)
        {
            return null;
        }
        try
        {
            using StreamReader text = new(file.OpenReadStream(ExportedChat.Largest));
            return await text.ReadToEndAsync();
        }
        catch (Exception gone) when (gone is JSException or IOException or TimeoutException)
        {
            return null;
        }
    }

    /// <summary>Null where it is none that can be read, and so none that could be changed or brought back.</summary>
    private async Task<Conversation?> ReadAsync(KeptChats store, string id) => id == now.Id ? now : await ReadKeptAsync(store, id);

    private static async Task<Conversation?> ReadKeptAsync(KeptChats store, string id)
    {
        try
        {
            return await store.ReadAsync(id);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Nothing before the browser's part is there or after the page is closed.</summary>
    private async Task TryAsync(Func<KeptChats, Task> act)
    {
        if (kept is null)
        {
            return;
        }
        try
        {
            await act(kept);
        }
        catch (Exception gone) when (gone is JSDisconnectedException or OperationCanceledException or ObjectDisposedException)
        {
            return;
        }
        catch (JSException)
        {
            keeping = new(false, 0, 0);
        }
        StateHasChanged();
    }
}
