using LoraAspire.Lab.Live;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace LoraAspire.Tests.Lab;

/// <summary>What a page of the lab says of the streams that it follows.</summary>
public sealed class LivePageTests
{
    [Fact]
    public async Task Who_breaks_last_and_then_has_nothing_to_tell_does_not_leave_the_page_interrupted()
    {
        await using var services = new ServiceCollection().BuildServiceProvider();
        await using HtmlRenderer renderer = new(services, NullLoggerFactory.Instance);
        Followed.Page = new();
        await renderer.Dispatcher.InvokeAsync(() => renderer.BeginRenderingComponent<Followed>());
        var page = await Followed.Page.Task.WaitAsync(TestContext.Current.CancellationToken);

        var told = await page.Interrupted.Task.WaitAsync(TestContext.Current.CancellationToken);
        await page.Connected.Task.WaitAsync(TestContext.Current.CancellationToken);

        Assert.Equal("Redis does not answer. What you see may be old; connecting again by itself.", told);
    }

    /// <summary>One stream tells something at once and then no more; the other breaks after that, and is empty from then on.</summary>
    private sealed class Followed : LivePage
    {
        private int breaks = 1;

        public static TaskCompletionSource<Followed> Page { get; set; } = new();

        public TaskCompletionSource<string> Interrupted { get; } = new();

        public TaskCompletionSource Connected { get; } = new();

        protected override void OnInitialized()
        {
            TaskCompletionSource told = new();
            Follow("Redis", async stop =>
            {
                Changed();
                told.SetResult();
                await Task.Delay(Timeout.Infinite, stop);
            });
            Follow("Redis", async stop =>
            {
                await told.Task;
                if (Interlocked.Decrement(ref breaks) >= 0)
                {
                    throw new TimeoutException("It was asked before the connection was there again.");
                }
                await Task.Delay(Timeout.Infinite, stop);
            });
            Page.SetResult(this);
        }

        protected override void BuildRenderTree(RenderTreeBuilder __builder)
        {
            if (Interruption is { } text)
            {
                Interrupted.TrySetResult(text);
            }
            else if (Interrupted.Task.IsCompleted)
            {
                Connected.TrySetResult();
            }
        }
    }
}
